"""The rules of a home obeyed: what is too old goes, the rest stays, and the trail says so."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from penchant.cli.retention import main
from penchant.retention.last_contact import long_silent
from penchant.retention.obey import obey
from penchant.retention.register import files_by_store
from scoring.population.days import latest_day
from scoring.privacy.audit_trail import Actor
from scoring.privacy.retention_file import RetentionRules, Span
from scoring.privacy.suppression import open_suppression
from scoring.privacy.trail_check import checked_trail
from serving.customers import subject_rights
from serving.customers.decision_log import Decisions, decisions_of
from serving.customers.housekeeping import finish_erasures
from tests.penchant.retention.conftest import IDS
from tests.support.stored import traces

BY = Actor("Ada", "command", "root")
SHORT = RetentionRules(decisions=Span(90, "d"), requests=Span(90, "d"), contact_history=Span(90, "d"))
GONE = {"decisions", "quarantine", "contact_history"}


def files(home: Path) -> dict[str, int]:
    """How many files each store has."""
    found = files_by_store(home)[0]
    return {name: sum(not path.name.endswith(("-wal", "-shm")) for path in paths) for name, paths in found.items()}


def test_nothing_goes_before_its_time(full: Path) -> None:
    """Nor is a line added to the trail."""
    before, lines = files(full), checked_trail(full).head

    obeyed = obey(full, replace(SHORT, campaigns=Span(60, "y")), datetime.now(UTC) + timedelta(days=1), BY)

    assert (obeyed.text, files(full), checked_trail(full).head) == ("nothing too old", before, lines)


def test_what_is_too_old_goes_and_the_trail_says_so(full: Path) -> None:
    """Each store by its own rule; a second time there is nothing left."""
    now = datetime.now(UTC) + timedelta(days=91)
    short, exports = replace(SHORT, exports=Span(2, "m")), full / "segments/exports.jsonl"

    obeyed = obey(full, short, now, BY)

    assert obeyed.removed.keys() >= GONE | {"exports"}
    assert (files(full)["quarantine"], exports.read_bytes()) == (0, b"")
    assert decisions_of(full, IDS[:5]) == {}
    trail = checked_trail(full)
    assert trail.faults == []
    purged = {one.action.about["store"]: one.action.by.who for one in trail.entries if one.action.what == "purge"}
    assert purged == dict.fromkeys(obeyed.removed, "Ada")
    assert obey(full, replace(short, trail=Span(1, "m")), now, BY).removed.keys() == {"trail"}
    assert checked_trail(full).faults == []
    assert obey(full, short, now, BY).removed == {}


def test_a_line_that_was_cut_off_hides_no_old_export(full: Path) -> None:
    """What is old goes from behind it too, and the line itself is left."""
    exports = full / "segments/exports.jsonl"
    whole = exports.read_bytes()
    exports.write_bytes(whole[: len(whole) // 2] + b"\n" + whole)
    now = datetime.now(UTC) + timedelta(days=91)

    obey(full, replace(SHORT, exports=Span(2, "m")), now, BY)

    assert exports.read_bytes() == whole[: len(whole) // 2] + b"\n"


def test_whoever_was_silent_for_too_long_is_erased(full: Path) -> None:
    """By the latest contact that the day knows of, through the erasure that a request takes; nobody else is."""
    day = latest_day(full)
    assert day is not None
    rules = RetentionRules(last_contact=Span(200, "d"))
    rows = pl.concat([pl.read_parquet(path) for path in sorted(day.folder.glob("features-propensity-*.parquet"))])
    expected = set(rows.filter(pl.col("days_since_purchase") > 200)["customer_id"]) - {IDS[4]}

    silent = long_silent(full, day, rules, day.manifest.as_of)
    obeyed = obey(full, rules, datetime.now(UTC), BY, as_of=day.manifest.as_of)
    assert finish_erasures(full, at_once=True)

    assert silent.customers - {IDS[4]} == expected
    assert silent.events == ("purchase",)
    assert 100 < obeyed.silent < 200
    listed = open_suppression(full)
    assert listed is not None
    assert listed.erased(IDS).keys() == expected | {IDS[4]}
    kept = subject_rights.export(full, sorted(expected)[:20])
    assert all((one["store"], one["decisions"], one["population"]) == ([], [], []) for one in kept)
    erasures = [one.action for one in checked_trail(full).entries if one.action.what == "erase"]
    assert {action.about["rule"] for action in erasures} == {"last_contact"}
    assert sum(len(action.customers) for action in erasures) == obeyed.silent


def test_what_counts_as_contact_is_stated(full: Path) -> None:
    """By a type that the features do not have nobody is known to be silent."""
    day = latest_day(full)
    rules = RetentionRules(last_contact=Span(1, "d"), contact_events=("call",))

    assert long_silent(full, day, rules, datetime(2026, 3, 1, tzinfo=UTC)).customers == frozenset()


def test_a_server_keeps_decisions_by_the_rule_of_the_home(full: Path) -> None:
    """Whatever its setting says; a file that cannot be read leaves it to the setting."""
    log = Decisions(full, days=0.0, on=True)
    (full / "retention.toml").write_text('[keep]\ndecisions = "1d"\n')
    log.flush()
    kept = decisions_of(full, IDS[:4])

    (full / "retention.toml").write_text("[keep\n")
    Decisions(full, days=0.0, on=True).flush()

    assert kept.keys() == set(IDS[:4])
    assert decisions_of(full, IDS[:4]) == {}


def test_a_backup_put_back_brings_nobody_back(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who was erased since it was made goes again, to the last byte, by the trail alone."""
    finish_erasures(full, at_once=True)
    saved = {path: path.read_bytes() for path in full.rglob("*") if path.is_file() and path.suffix != ".lock"}
    assert main(["purge", "--home", str(full), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["returned"] == 0
    gone = ["c11", "c12"]
    from scoring.privacy.audit_trail import record

    record(full, "erase", BY, customers=gone)
    subject_rights.erase(full, gone)
    finish_erasures(full, at_once=True)
    assert traces(full, '"c11"') == set()
    for path, content in saved.items():
        if not path.name.startswith("trail."):
            path.write_bytes(content)

    assert main(["purge", "--home", str(full), "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["returned"] == 2
    exported = subject_rights.export(full, gone)
    assert all((one["store"], one["population"]) == ([], []) for one in exported)
    assert all(one["erased_at"] for one in exported)
    assert [one.action.what for one in checked_trail(full).entries][-2:] == ["returned", "erased"]
