"""A backup put back on another machine: everything is as it was, but for who was erased or objected since."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from penchant.backup import copy_home
from penchant.backup.copy_home import back_up, backups_in
from penchant.backup.ledger_copy import copy_ledger
from penchant.cli import backup as backup_command
from penchant.cli import restore as restore_command
from penchant.retention.register import files_by_store
from scoring.audiences.deliveries.contact_stops import add_stops
from scoring.population.days import only_writer
from scoring.privacy import suppression
from scoring.privacy.audit_trail import Actor, record
from scoring.privacy.trail_check import checked_trail
from serving.customers import subject_rights
from serving.customers.housekeeping import finish_erasures
from tests.support.servers import QUICK, start, stop
from tests.support.stored import traces

Capture = pytest.CaptureFixture[str]
ADA = Actor("Ada", "command", "root")


def erase(home: Path, customers: Sequence[str]) -> None:
    """As a request does, to the last byte."""
    record(home, "erase", ADA, customers=customers)
    subject_rights.erase(home, customers)
    finish_erasures(home, at_once=True)


def restored(backup: Path, home: Path, *options: str) -> int:
    """Runs `penchant restore`."""
    return restore_command.main([str(backup), "--home", str(home), "--json", *options])


def contents(home: Path) -> dict[str, bytes]:
    """Every file that a backup has and that is the same wherever it stands; of databases what they hold."""
    found = {}
    for store, paths in files_by_store(home)[0].items():
        for path in paths:
            if store not in ("drafts", "sessions", "trail") and not path.name.endswith((".lock", "-wal", "-shm")):
                found[path.relative_to(home).as_posix()] = _content(path)
    return found


def _content(path: Path) -> bytes:
    if path.suffix != ".db":
        return path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump()).encode()


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    """Where backups lie."""
    return tmp_path / "safe"


def test_a_restored_home_is_the_one_that_was_backed_up(full: Path, safe: Path, tmp_path: Path) -> None:
    """File by file and row by row; what signs sessions of the console is in no backup."""
    finish_erasures(full, at_once=True)
    made = back_up(full, safe)
    there = tmp_path / "elsewhere/home"

    assert restored(made, there, "--without-ledger") == 0
    assert contents(there) == contents(full)
    assert (full / "sessions.json").exists()
    assert not list(safe.rglob("sessions.json"))
    assert (there.stat().st_mode & 0o777, (there / "store.db").stat().st_mode & 0o777) == (0o700, 0o600)
    assert checked_trail(there).faults == []


def test_who_was_erased_or_objected_since_stays_so(full: Path, safe: Path, tmp_path: Path, capsys: Capture) -> None:
    """By the ledger, before the home is there; it serves, and knows them as erased and as objecting."""
    made = back_up(full, safe)
    erase(full, ["c211", "c212"])
    record(full, "objection", ADA, customers=["c213"])
    suppression.add(full, ["c213"])
    add_stops(full, "email", [(b"\1" * 32, "complaint")], source="dest", at=1.0)
    copy_ledger(full, safe / "ledger")
    shutil.rmtree(full)
    there = tmp_path / "elsewhere"

    code = restored(made, there, "--ledger", str(safe / "ledger"))

    assert code == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["marked"], done["erased"]) == (3, 2)
    assert traces(made, "c211")
    assert traces(there, "c211", "c212") == set()
    assert not any(subject_rights.export(there, ["c211"])[0][name] for name in ("store", "decisions", "population"))
    with closing(sqlite3.connect(there / "contact_stops.db")) as connection:
        assert connection.execute("SELECT COUNT(*) FROM stopped").fetchone() == (2,)
    (there / "keys.json").unlink()
    server = start(there, tmp_path, QUICK)
    try:
        with server.client() as client:
            answer = client.post("/v1/scores", json={"customer_ids": ["c211", "c213", "c220"]}).json()
    finally:
        stop(server)
    status = [one["scores"]["propensity"]["status"] for one in answer["results"]]
    assert status[:2] == ["unknown", "opted_out"]
    assert status[2] not in ("unknown", "opted_out")


def test_nothing_is_restored_without_a_word_on_the_ledger(full: Path, safe: Path, tmp_path: Path) -> None:
    """Whoever restores says where the newest one is, or that there is none."""
    made = back_up(full, safe)

    with pytest.raises(SystemExit, match="2"):
        restored(made, tmp_path / "there")
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("harm", ["changed", "missing", "added", "no manifest", "a path outside"])
def test_a_damaged_backup_is_refused(full: Path, safe: Path, tmp_path: Path, harm: str, capsys: Capture) -> None:
    """Whatever is wrong with it, and nothing is there afterwards."""
    made = back_up(full, safe)
    file = made / "home/keys.json"
    match harm:
        case "changed":
            file.write_bytes(file.read_bytes().replace(b"analyst", b"anelyst"))
        case "missing":
            file.unlink()
        case "added":
            (made / "home/more.json").touch()
        case "no manifest":
            (made / "manifest.json").unlink()
        case _:
            text = (made / "manifest.json").read_text()
            (made / "manifest.json").write_text(text.replace('"keys.json"', '"../keys.json"'))

    code = restored(made, tmp_path / "there", "--without-ledger")

    assert code == restore_command.main([str(made), "--check"]) == 3
    assert not (tmp_path / "there").exists()
    assert "manifest.json" in (printed := capsys.readouterr().err) or "keys.json" in printed


def test_a_ledger_of_another_home_is_refused(full: Path, safe: Path, tmp_path: Path) -> None:
    """Or one that does not go on from the backup's, or is not whole; and backups of two homes never mix."""
    made, other = back_up(full, safe), tmp_path / "other"
    record(other, "look", ADA, customers=["c1"])
    copy_ledger(other, tmp_path / "others")
    cut = shutil.copytree(safe / "ledger", tmp_path / "cut")
    lines = (cut / "trail.jsonl").read_bytes().splitlines(keepends=True)
    (cut / "trail.jsonl").write_bytes(b"".join(lines[:-1]))

    assert restored(made, tmp_path / "there", "--ledger", str(tmp_path / "others")) == 3
    assert restored(made, tmp_path / "there", "--ledger", str(cut)) == 3
    assert restored(made, tmp_path / "there", "--ledger", str(tmp_path / "nowhere")) == 3
    assert backup_command.main(["--home", str(other), "--into", str(safe)]) == 3
    assert not (tmp_path / "there").exists()
    assert backups_in(safe) == [made]


def test_a_home_is_never_written_over(full: Path, safe: Path) -> None:
    """What is there stays."""
    made = back_up(full, safe)
    before = contents(full)

    assert restored(made, full, "--without-ledger") == 3
    assert contents(full) == before


def test_backups_are_kept_as_many_as_asked(
    full: Path, safe: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """The newest stay; the ledger alone makes none; while a run writes the home there is no backup."""
    old, killed = safe / "penchant-20200101T000000Z", safe / ".penchant-20200101T000000Z.1.0123abcd.tmp"
    (killed / "home").mkdir(parents=True)
    shutil.copytree(back_up(full, safe), old)

    assert backup_command.main(["--home", str(full), "--into", str(safe), "--only-ledger"]) == 0
    monkeypatch.setattr(copy_home, "PATIENCE", 0.0)
    with only_writer(full):
        assert backup_command.main(["--home", str(full), "--into", str(safe), "--keep", "1"]) == 1
    assert old in backups_in(safe)
    assert len(backups_in(safe)) == 2
    shutil.rmtree(backups_in(safe)[1])
    assert backup_command.main(["--home", str(full), "--into", str(safe), "--keep", "1", "--json"]) == 0
    made = json.loads(capsys.readouterr().out.splitlines()[-1])["backup"]
    assert backups_in(safe) == [Path(made)]
    assert not killed.exists()
    assert backup_command.main(["--home", str(full), "--into", str(full / "backups")]) == 3


def test_the_registry_is_found_where_the_home_is_now(full: Path, safe: Path, tmp_path: Path) -> None:
    """Its artifacts lie in the home, and it names them by where that is."""
    place = (full / "mlartifacts/churn").as_uri()
    with closing(sqlite3.connect(full / "mlflow.db")) as connection, connection:
        connection.execute("CREATE TABLE experiments (artifact_location TEXT)")
        connection.executemany("INSERT INTO experiments VALUES (?)", [(place,), ("s3://elsewhere/churn",)])
    made = back_up(full, safe)

    assert restored(made, tmp_path / "there", "--without-ledger") == 0
    with closing(sqlite3.connect(tmp_path / "there/mlflow.db")) as connection:
        found = [place for (place,) in connection.execute("SELECT artifact_location FROM experiments")]
    assert found == [(tmp_path / "there/mlartifacts/churn").as_uri(), "s3://elsewhere/churn"]
