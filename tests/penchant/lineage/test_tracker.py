"""Jobs followed: one id from START to the end, what failed never COMPLETE, and nobody kept waiting."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from penchant.lineage import tracker
from penchant.lineage.dataset import LineageDataset
from penchant.lineage.event_sender import EventSender
from penchant.lineage.job_facts import parent_of
from penchant.lineage.lineage_file import LineageSection
from penchant.lineage.tracker import lineage
from tests.support.lineage_events import datasets, read_events

Known = tuple[list[LineageDataset], list[LineageDataset]]
FILE = LineageSection(file="lineage/events.jsonl")
PARENT = f"airflow/penchant_day.features/{uuid.uuid4()}"


def unreadable() -> Known:
    """Datasets that cannot be read."""
    raise OSError


def test_what_begins_and_ends_a_job_has_one_id(tmp_path: Path) -> None:
    """COMPLETE, FAIL by what was raised, FAIL by what the job says; parent and root by the variable."""
    known = ([LineageDataset("x")], [LineageDataset("y")])
    with (
        lineage(tmp_path, FILE, {"OPENLINEAGE_PARENT_ID": PARENT}) as jobs,
        jobs.job("day", lambda: known, run_id="ours") as day,
    ):
        with pytest.raises(ValueError, match="c1"), day.job("raised", lambda: ([], [])):
            raise ValueError("c1@example.org")
        with day.job("stopped", lambda: ([], [])) as job:
            job.failure = "stopped"

    events = read_events(tmp_path / "lineage/events.jsonl")
    assert [(one["job"]["name"], one["eventType"]) for one in events] == [
        ("day", "START"),
        ("raised", "START"),
        ("raised", "FAIL"),
        ("stopped", "START"),
        ("stopped", "FAIL"),
        ("day", "COMPLETE"),
    ]
    ids = {name: {one["run"]["runId"] for one in events if one["job"]["name"] == name} for name in ("day", "raised")}
    assert all(len(found) == 1 for found in ids.values())
    asked = parent_of(PARENT)
    assert asked
    parents = {one["job"]["name"]: one["run"]["facets"]["parent"] for one in events}
    assert parents["day"]["run"]["runId"] == asked.run_id
    assert {parents["raised"]["run"]["runId"]} == ids["day"]
    assert {one["root"]["run"]["runId"] for one in parents.values()} == {asked.run_id}
    assert events[0]["run"]["facets"]["penchant_run"]["id"] == "ours"
    assert events[2]["run"]["facets"]["errorMessage"]["message"] == "ValueError"
    assert "@" not in (tmp_path / "lineage/events.jsonl").read_text()
    assert datasets(events[0], "inputs") == datasets(events[-1], "inputs") == {("penchant", "x")}


def test_a_dataset_that_is_gone_at_the_end_is_named_there_too(tmp_path: Path) -> None:
    """As a file that a step moved away."""
    known: Iterator[Known] = iter([([LineageDataset("moved")], []), ([LineageDataset("new")], [])])

    with lineage(tmp_path, FILE, {}) as jobs, jobs.job("one", lambda: next(known)):
        pass

    first, last = read_events(tmp_path / "lineage/events.jsonl")
    assert datasets(first, "inputs") < datasets(last, "inputs") == {("penchant", "moved"), ("penchant", "new")}


def test_nobody_who_asks_gets_no_event(tmp_path: Path) -> None:
    """Nor does one who has turned OpenLineage off."""
    for section, environment in ((LineageSection(), {}), (FILE, {"OPENLINEAGE_DISABLED": "true"})):
        with lineage(tmp_path, section, environment) as jobs, jobs.job("one", unreadable):
            pass

    assert list(tmp_path.iterdir()) == []


def test_what_goes_wrong_is_said_once_and_fails_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Datasets that cannot be read, a file that is not taken, a silent server, a library that is not there."""
    (tmp_path / "taken").write_text("")
    monkeypatch.setattr(EventSender.close, "__defaults__", (0.3,))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for section in (LineageSection(file="taken/events.jsonl"), LineageSection(url=url)):
            with lineage(tmp_path, section, {}) as jobs:
                for _ in range(3):
                    with jobs.job("one", unreadable):
                        pass
            assert capsys.readouterr().err.count("warn: lineage:") == 1
    monkeypatch.setattr(tracker, "find_spec", lambda _name: None)
    with lineage(tmp_path, FILE, {}) as jobs, jobs.job("one", lambda: ([], [])):
        pass
    assert 'the extra "lineage"' in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", [None, "", "a/b", "a/b/none", "/b/"], ids=["none", "empty", "two", "no id", "no names"]
)
def test_a_parent_of_another_form_is_none(text: str | None) -> None:
    """An event without one is better than a refused one."""
    assert parent_of(text) is None
