"""The trail: every line bound to the one before, nothing of a customer in it, old bodies out and the chain whole."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.spec.suppression_list import SuppressionError
from scoring.privacy import suppression
from scoring.privacy.audit_trail import FILE, HEAD_FILE, Actor, TrailHead, command_actor, hash_of, record
from scoring.privacy.marks_of_trail import mark_by_trail, readmitted
from scoring.privacy.trail_check import UNTIL, checked_trail, holds, purge_bodies

CRM = Actor("crm", "api")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in whose trail five lines stand."""
    for row in range(4):
        record(tmp_path, "look", CRM, customers=[f"customer-{row}"], about={"route": "lookup"})
    record(tmp_path, "policy", command_actor(), about={"policy": "abc", "segments": 3})
    return tmp_path


def lines(home: Path) -> list[bytes]:
    """The lines as they stand."""
    return (home / FILE).read_bytes().splitlines(keepends=True)


def faults(home: Path) -> list[tuple[int, str]]:
    """What is wrong with the trail."""
    return [(fault.n, fault.code) for fault in checked_trail(home).faults]


def test_a_trail_says_who_did_what_and_names_no_customer(home: Path) -> None:
    """The same customer has the same hash, by which an auditor who knows the id finds the lines."""
    record(home, "export", CRM, customers=["customer-2 ", "other"])

    trail = checked_trail(home)

    asked = hash_of(home, "customer-2")
    assert [(one.n, one.action.what) for one in trail.entries if asked in one.action.customers] == [
        (3, "look"),
        (6, "export"),
    ]
    assert trail.faults == []
    assert {one.action.by.who for one in trail.entries} == {"crm", command_actor().who}
    assert b"customer-" not in (home / FILE).read_bytes()
    assert {(home / name).stat().st_mode & 0o777 for name in (FILE, HEAD_FILE)} == {0o600}


def test_a_person_is_named_by_the_environment_beside_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever states a name does not hide the account; without one the account is who it was."""
    monkeypatch.setenv("PENCHANT_WHO", " Ada Lovelace ")
    stated = command_actor()
    monkeypatch.delenv("PENCHANT_WHO")

    assert (stated.who, stated.account) == ("Ada Lovelace", command_actor().who)


def _changed(home: Path) -> None:
    rows = lines(home)
    rows[2] = rows[2].replace(b'"crm"', b'"eve"')
    (home / FILE).write_bytes(b"".join(rows))


def _without_third(home: Path) -> None:
    rows = lines(home)
    (home / FILE).write_bytes(b"".join([*rows[:2], *rows[3:]]))


def _renumbered(home: Path) -> None:
    rows = lines(home)
    later = [row.replace(b'"n":%d' % (at + 2), b'"n":%d' % (at + 1)) for at, row in enumerate(rows[3:], 2)]
    (home / FILE).write_bytes(b"".join([*rows[:2], *later]))


def _emptied(home: Path) -> None:
    rows = lines(home)
    document = json.loads(rows[2])
    del document["body"]
    rows[2] = json.dumps(document).encode() + b"\n"
    (home / FILE).write_bytes(b"".join(rows))


SPOILED: dict[str, tuple[Callable[[Path], object], list[tuple[int, str]]]] = {
    "a changed line": (_changed, [(3, "changed")]),
    "a removed line": (_without_third, [(3, "missing")]),
    "a removed line, the others renumbered": (_renumbered, [(3, "changed"), (4, "changed"), (5, "missing")]),
    "lines cut off": (lambda home: (home / FILE).write_bytes(b"".join(lines(home)[:3])), [(5, "missing")]),
    "the whole file": (lambda home: (home / FILE).unlink(), [(5, "missing")]),
    "a line that is none": (lambda home: (home / FILE).write_bytes(b"".join(lines(home)) + b"{"), [(6, "unreadable")]),
    "a body taken out": (_emptied, [(3, "emptied")]),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "found"), SPOILED.values(), ids=SPOILED)
def test_what_was_done_to_a_trail_is_found(
    home: Path, spoil: Callable[[Path], object], found: list[tuple[int, str]]
) -> None:
    """And stays found, whatever is added later."""
    assert faults(home) == []

    spoil(home)

    assert faults(home) == found
    record(home, "policy", CRM)
    assert faults(home)[0][1] == found[0][1]


def test_a_purge_of_another_store_hides_no_body_taken_out(home: Path) -> None:
    """It says until when that store was emptied, not the trail."""
    record(home, "purge", CRM, about={"store": "quarantine", UNTIL: "2099-01-01T00:00:00+00:00", "removed": 1})

    _emptied(home)

    assert faults(home) == [(3, "emptied")]


def test_a_line_that_an_auditor_noted_is_found_again(home: Path) -> None:
    """A trail that was written anew from there on is another, whatever its own head says."""
    noted = checked_trail(home).head

    (home / FILE).unlink()
    (home / HEAD_FILE).unlink()
    for _ in range(5):
        record(home, "policy", CRM)

    assert faults(home) == []
    assert not holds(home, noted)
    assert holds(home, checked_trail(home).head)
    assert holds(home, TrailHead())


def test_old_bodies_go_and_the_chain_holds(home: Path) -> None:
    """What was purged is a line itself; a body that goes without one is found."""
    time.sleep(0.01)  # lines have their moment to the millisecond
    cut = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record(home, "policy", CRM)

    removed = purge_bodies(home, cut, Actor(None, "server"))

    trail = checked_trail(home)
    assert (removed, trail.purged, trail.faults) == (5, 5, [])
    assert [one.action.what for one in trail.entries] == ["policy", "purge"]
    assert ["body" in json.loads(row) for row in lines(home)] == [False] * 5 + [True] * 2
    assert purge_bodies(home, cut, Actor(None, "server")) == 0


def test_a_disk_that_takes_nothing_leaves_the_trail_as_it_was(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is there whole or not at all."""
    before = (home / FILE).read_bytes()
    write = os.write
    monkeypatch.setattr("os.write", lambda handle, content: write(handle, content[:9]))

    with pytest.raises(OSError, match="in part"):
        record(home, "policy", CRM)

    monkeypatch.undo()
    assert (home / FILE).read_bytes() == before
    assert faults(home) == []


def test_an_older_suppression_list_is_brought_up_to_the_trail(tmp_path: Path) -> None:
    """Who was erased or objected since a backup is marked again; who withdrew is not; again it finds nobody."""
    suppression.add(tmp_path, ["before"])
    backup = (tmp_path / suppression.FILE).read_bytes()
    record(tmp_path, "erase", CRM, customers=["gone"])
    suppression.mark_erased(tmp_path, ["gone"], at=2e9)
    for what, customers in (("objection", ["a", "b"]), ("withdrawal", ["b", "before"])):
        record(tmp_path, what, CRM, customers=customers)  # type: ignore[arg-type]  # both are actions
    (tmp_path / suppression.FILE).with_name("suppressed.db-wal").unlink(missing_ok=True)
    (tmp_path / suppression.FILE).write_bytes(backup)

    again = mark_by_trail(tmp_path)

    listed = suppression.open_suppression(tmp_path)
    assert listed is not None
    assert listed.among(["a", "b", "before", "gone"]) == {"a"}
    assert listed.erased(["a", "gone"]).keys() == {"gone"}
    assert again == {bytes.fromhex(hash_of(tmp_path, one)) for one in ("gone", "a", "before")}
    assert mark_by_trail(tmp_path) == frozenset()


def test_a_trail_without_its_key_takes_no_other(home: Path) -> None:
    """A new key would find nobody again who was erased."""
    (home / "customers.key").unlink()

    with pytest.raises(SuppressionError, match=r"customers\.key must be readable"):
        record(home, "policy", CRM)
    assert not (home / "customers.key").exists()


def test_who_was_taken_in_again_is_known(tmp_path: Path) -> None:
    """Until the next erasure."""
    record(tmp_path, "erase", CRM, customers=["a", "b"])
    record(tmp_path, "readmission", CRM, customers=["a", "b"])
    record(tmp_path, "erase", CRM, customers=["b"])

    assert readmitted(tmp_path) == {bytes.fromhex(hash_of(tmp_path, "a"))}
