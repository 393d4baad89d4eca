"""`penchant audit trail`: who did what, about whom if the id is given, and whether the record is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.audit import main
from scoring.privacy.audit_trail import FILE, Actor, record

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which a key looked at two customers and a person changed the segments."""
    record(tmp_path, "look", Actor("analyst", "console"), customers=["Planted-1"], about={"page": "card"})
    record(tmp_path, "look", Actor("crm", "api"), customers=["Planted-1", "Planted-2"], about={"route": "lookup"})
    record(tmp_path, "policy", Actor("Ada", "command", "root"), about={"policy": "abc", "segments": 3})
    return tmp_path


def asked(home: Path, capsys: Capture, *words: str, code: int = 0) -> dict[str, Any]:
    """The document of the command."""
    assert main(["trail", "--home", str(home), "--json", *words]) == code
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_an_auditor_asks_who_looked_at_a_customer_by_giving_the_id(home: Path, capsys: Capture) -> None:
    """In whichever spelling; the answer has the hash alone."""
    (home / "ids.txt").write_text(" Planted-2\n")

    entries = asked(home, capsys, "--customers", str(home / "ids.txt"))["entries"]

    assert [(one["n"], one["action"]["by"]["who"]) for one in entries] == [(2, "crm")]
    assert "Planted-2" not in json.dumps(entries)


def test_lines_are_read_by_people_too(home: Path, capsys: Capture) -> None:
    """The person who stated a name and the account of the system stand side by side."""
    assert main(["trail", "--home", str(home)]) == 0

    printed = capsys.readouterr()
    assert "policy      Ada as root (command)  policy abc, segments 3" in printed.out
    assert "look        crm (api)  route lookup, 2 customers" in printed.out
    assert printed.err.startswith("head 3:")


def test_a_trail_that_is_not_as_it_was_written_ends_with_3(home: Path, capsys: Capture) -> None:
    """A line that was changed, or a head that an auditor noted and that is no more there."""
    noted = asked(home, capsys)["head"]
    assert asked(home, capsys, "--head", noted)["whole"]
    assert asked(home, capsys, "--head", f"2:{noted[2:]}", code=3)["faults"] == [{"n": 2, "code": "changed"}]

    (home / FILE).write_bytes((home / FILE).read_bytes().replace(b'"crm"', b'"eve"'))

    assert asked(home, capsys, code=3)["faults"] == [{"n": 2, "code": "changed"}]


def test_a_home_without_a_trail_has_nothing_to_say(tmp_path: Path, capsys: Capture) -> None:
    """And a home that there is not is a usage error."""
    assert asked(tmp_path, capsys)["entries"] == []
    assert main(["trail", "--home", str(tmp_path / "none")]) == 2
