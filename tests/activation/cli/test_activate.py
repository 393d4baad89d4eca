"""`penchant activate`: the document of Contract 9, exit codes, and all destinations of a day in one go."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from activation.cli.daily_deliveries import deliver_all
from penchant.cli.forward import main
from tests.support.deliveries import KEY, hot, world
from tests.support.fakes.base import serving
from tests.support.fakes.receiver import FakeReceiver

CONTRACT = {"adds", "updates", "removes", "left_out", "calls", "acknowledged", "rejected", "status"}
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that has the secret."""
    for name, value in KEY.items():
        monkeypatch.setenv(name, value)


def test_each_sub_command_prints_the_document_of_the_contract(tmp_path: Path, capsys: Capture) -> None:
    """plan, sync, pull and status; as lines too, without an id or an address."""
    made = world(tmp_path)
    made.unwilling = {"c1"}
    made.write()
    with serving(fake := FakeReceiver()) as url:
        fake.bad = {"c2@example.org"}
        file = str(made.file(f'kind = "webhook"\nkey_env = "DEST_KEY"\nurl = "{url}"'))
        documents = {}
        for name in ("plan", "sync", "status", "pull"):
            assert main(["activate", name, file, "--home", str(made.home), "--json"]) == 0
            documents[name] = json.loads(capsys.readouterr().out)
        assert main(["activate", "status", file, "--home", str(made.home)]) == 0
        text = capsys.readouterr().out

    assert all(document.keys() >= CONTRACT for document in documents.values())
    assert (documents["plan"]["adds"], documents["plan"]["acknowledged"]) == (11, 0)
    assert documents["sync"]["left_out"] == {"no_consent": 1, "suppressed": 0, "holdout": 0, "no_address": 0}
    assert documents["sync"]["rejected"] == [{"reason": "... is not one of ours", "rows": 1}]
    assert (documents["status"]["acknowledged"], documents["status"]["members"]) == (10, 10)
    assert "10 members there." in text
    assert "@" not in text


def test_each_way_to_end_has_its_exit_code(tmp_path: Path, capsys: Capture) -> None:
    """1 a key that is refused, 2 a wrong file, 3 broken data, 4 a rule, 6 stopped and gone on from."""
    made = world(tmp_path)
    home = ["--home", str(made.home)]
    with serving(fake := FakeReceiver()) as url:
        file = made.file(f'kind = "webhook"\nkey_env = "DEST_KEY"\nurl = "{url}"\n[limits]\npatience = 1')
        fake.secret = "another"  # noqa: S105 it is no password
        assert main(["activate", "sync", str(file), *home]) == 1
        fake.secret = KEY["DEST_KEY"]
        fake.faults.append((429, {"retry-after": "90"}))
        assert main(["activate", "sync", str(file), *home]) == 6
        assert main(["activate", "sync", str(file), *home]) == 0
        made.unwilling = set(made.people[:6])
        made.write()
        assert main(["activate", "sync", str(file), *home]) == 4
        assert fake.members().keys() == hot(made)
        assert main(["activate", "sync", str(file), *home, "--allow-shrink", "dest"]) == 0
        assert fake.members().keys() == hot(made, but=made.unwilling)
        pq.write_table(pa.table({"customer_id": ["c1"]}), tmp_path / "consent.parquet")
        assert main(["activate", "sync", str(file), *home]) == 3
        file.write_text('[destination]\nkind = "pigeon"\n')
        assert main(["activate", "plan", str(file), *home]) == 2
    assert "destination.kind" in capsys.readouterr().err


def test_a_destination_that_fails_keeps_none_of_the_others_waiting(tmp_path: Path) -> None:
    """Each has a note of the day."""
    made = world(tmp_path)
    good = made.file('kind = "file"\nurl = "out"', name="good")
    bad = made.file('kind = "webhook"\nkey_env = "NOT_SET"\nurl = "http://127.0.0.1:1"', name="bad")

    done = deliver_all(made.home, [bad, good])

    assert done.acknowledged == 12
    assert done.notes[0].startswith("bad not sent: ")
    assert done.notes[1] == "good +12 ~0 -0"
