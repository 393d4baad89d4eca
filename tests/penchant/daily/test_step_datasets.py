"""Lineage of a day: each step with what it reads and writes, by names that stay."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from penchant.cli.run import main
from penchant.daily.run_state import STEP_NAMES
from tests.penchant.daily.test_resumed_run import with_destination
from tests.penchant.daily.test_run import DAY, ran
from tests.support.deliveries import KEY
from tests.support.fakes.base import serving
from tests.support.fakes.receiver import FakeReceiver
from tests.support.lineage_events import datasets, facets, read_events

Capture = pytest.CaptureFixture[str]


def asked(world: Path) -> Path:
    """The home of a world, whose file asks for events."""
    with (world / "home/run.toml").open("a", encoding="utf-8") as file:
        file.write('\n[lineage]\nfile = "lineage/events.jsonl"\n')
    return world / "home"


def test_every_dataset_of_a_day_is_named_when_a_step_begins_and_when_it_ends(
    world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the log through features, model, population and segments to a delivery, with rows, digest and schema."""
    home = asked(world)
    monkeypatch.setenv("DEST_KEY", KEY["DEST_KEY"])
    with serving(FakeReceiver()) as url:
        with_destination(world, url)
        document = ran(home, capsys, "--as-of", DAY)

    events = read_events(home / "lineage/events.jsonl")
    steps = {name: [one for one in events if one["job"]["name"] == f"penchant.run.{name}"] for name in STEP_NAMES}
    day = [one for one in events if one["job"]["name"] == "penchant.run"]
    for name, both in {**steps, "day": day}.items():
        assert [one["eventType"] for one in both] == ["START", "COMPLETE"], name
        first, last = both
        assert first["run"]["runId"] == last["run"]["runId"]
        assert last["run"]["facets"]["penchant_run"]["id"] == document["run_id"]
        for side in ("inputs", "outputs"):
            assert datasets(first, side) == datasets(last, side) != set(), name
    made = steps["population"][1]
    assert ("file", str(world / "events.parquet")) in datasets(steps["features"][1], "inputs")
    assert datasets(steps["features"][1], "outputs") < datasets(made, "inputs")
    assert facets(made, "inputs", "models/case")["version"]["datasetVersion"] == "1"
    found = facets(made, "outputs", "population")
    by_name = {step["name"]: step for step in document["steps"]}
    assert found["outputStatistics"]["rowCount"] == by_name["population"]["rows"]
    assert found["penchant_digest"]["digest"] == by_name["population"]["digest"]
    assert "case_probability" in [field["name"] for field in found["schema"]["fields"]]
    assert datasets(made, "outputs") == datasets(steps["activate"][1], "inputs")
    assert facets(steps["activate"][1], "outputs", "deliveries/dest")["outputStatistics"]["rowCount"] == 5
    parents = {one["run"]["facets"]["parent"]["run"]["runId"] for both in steps.values() for one in both}
    assert parents == {day[0]["run"]["runId"]}
    ids = pl.read_parquet(world / "events.parquet")["customer_id"].unique()
    text = (home / "lineage/events.jsonl").read_text(encoding="utf-8")
    assert [one for one in ids if f'"{one}"' in text] == []


def test_a_step_that_fails_is_never_complete_and_another_attempt_has_another_id(world: Path, capsys: Capture) -> None:
    """START and FAIL with one id; the same step again with one of its own."""
    home = asked(world)
    for _ in range(2):
        assert main(["--home", str(home), "--as-of", DAY, "--only", "store"]) == 4
    capsys.readouterr()

    events = read_events(home / "lineage/events.jsonl")
    assert [one["eventType"] for one in events] == ["START", "FAIL", "START", "FAIL"]
    assert len({one["run"]["runId"] for one in events[:2]}) == len({one["run"]["runId"] for one in events[2:]}) == 1
    assert events[0]["run"]["runId"] != events[2]["run"]["runId"]
