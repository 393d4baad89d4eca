"""The daily run as a command: what it leaves, again, refused, killed and broken off."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from penchant import population
from penchant.cli.run import main
from penchant.daily.day import day_context
from penchant.daily.run_file import load_run_file
from penchant.daily.run_state import STEP_NAMES
from scoring.audiences.snapshot import open_snapshot
from scoring.cli.main import main as score
from scoring.population.customer_pages import CustomerQuery
from scoring.population.daily_file import add_use_case, failed_run
from scoring.population.days import PopulationError, days_of, only_writer
from scoring.population.ranked import open_index
from scoring.privacy import suppression
from scoring.segments.assignment import current_policy
from serving.customers import subject_rights
from serving.customers.feature_store import SqliteStore
from serving.customers.housekeeping import finish_erasures
from tests.support.models import release_log, release_shop, shop_rows
from tests.support.worlds import load_log, write_use_case

DAY = "2024-10-01"
Capture = pytest.CaptureFixture[str]


def ran(home: Path, capsys: Capture, *words: str) -> dict[str, Any]:
    """The document of a run that went well."""
    assert main(["--home", str(home), "--json", *words]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def files(home: Path) -> dict[str, bytes]:
    """All that the days hold, by path."""
    folder = home / "population"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("20*/*"))}


def left(home: Path) -> list[Any]:
    """What a run leaves beside the days: the stored customers, sizes and flows."""
    kept = [json.loads(path.read_bytes()) for path in sorted((home / "segments").glob("*.json"))]
    for document in kept:
        document.pop("snapshot", None)  # where the home stands
    with sqlite3.connect(home / "store.db") as store:
        return [*kept, store.execute("SELECT count(*) FROM customers").fetchall()]


def test_a_run_leaves_scores_segments_and_the_store(world: Path, capsys: Capture) -> None:
    """The population equals a file scored by hand, the store knows every customer, sizes are there for the pages."""
    home = world / "home"
    document = ran(home, capsys, "--as-of", DAY)

    assert [step["name"] for step in document["steps"]] == list(STEP_NAMES)
    assert {step["status"] for step in document["steps"]} == {document["status"]} == {"done"}
    rows = population(home=home).sort("customer_id")
    build = [sys.executable, "-m", "features", "build", str(world / "case.toml"), "--cutoff", DAY]
    subprocess.run([*build, "--out", str(world / "table.parquet")], check=True, capture_output=True)
    words = ["--home", str(home), "--use-case", "case", "--input", str(world / "table.parquet"), "--reasons", "3"]
    assert score([*words, "--output", str(world / "scored.parquet")]) == 0
    scored = pl.read_parquet(world / "scored.parquet").sort("customer_id")
    for column in ("status", "probability", "score", "percentile", "band", "reason_1_code", "reason_3_contribution"):
        assert rows[f"case_{column}"].to_list() == scored[column].to_list()
    assert rows["customer_id"].to_list() == scored["customer_id"].to_list()
    known = list(rows["customer_id"])
    assert SqliteStore(home / "store.db").find(known).keys() == set(known)
    sizes = json.loads((home / "segments/sizes.json").read_bytes())
    assert (sizes["as_of"], sizes["customers"]) == (DAY, rows.height)
    assert not (home / "population/.work").exists()


def test_use_cases_that_share_features_have_the_columns_of_each_alone(world: Path, capsys: Capture) -> None:
    """What is built once and kept once is to the byte what each would have alone."""
    home, twin = world / "home", shutil.copytree(world, world.with_name("twin")) / "home"
    for folder in (world, twin.parent):
        file = folder / "other.toml"
        file.write_text(
            (folder / "case.toml").read_text().replace('"case"', '"other"').replace('"present"', '"absent"')
        )
        release_log(folder / "home", load_log(file))
    add_use_case(home, world / "other.toml", daily=True)
    (twin / "run.toml").write_text('[[use_case]]\nfile = "../other.toml"\n')

    for each in (home, twin):
        ran(each, capsys, "--as-of", DAY)

    kept, alone = (next(each.glob("population/20*")) for each in (home, twin))
    features = [path.name for path in sorted(alone.glob("features-other-*"))]
    assert features
    assert [(kept / name).read_bytes() for name in features] == [(alone / name).read_bytes() for name in features]
    mine = [name for name in population(home=twin).columns if name.startswith("other_")]
    assert population(home=home).select(mine).equals(population(home=twin).select(mine))


def test_the_same_day_again_changes_nothing(world: Path, capsys: Capture) -> None:
    """It says so, and does no step."""
    home = world / "home"
    first = ran(home, capsys, "--as-of", DAY)
    before = files(home)

    again = ran(home, capsys, "--as-of", DAY)

    assert (again["status"], again["steps"], again["run_id"]) == ("unchanged", [], first["run_id"])
    assert files(home) == before


def test_steps_done_one_by_one_leave_what_a_run_leaves(world: Path, capsys: Capture) -> None:
    """Each says which one makes what it lacks; a run goes on after a day that is there."""
    home, twin = world / "home", shutil.copytree(world, world.with_name("twin")) / "home"
    ran(twin, capsys, "--as-of", DAY)
    for step, before in (("population", "features"), ("store", "population"), ("flows", "population")):
        assert main(["--home", str(home), "--as-of", DAY, "--only", step]) == 4
        assert f"needs what the step {before} makes" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["--home", str(home), "--only", "dreams"])
    assert ended.value.code == 2
    assert ", ".join(STEP_NAMES) in capsys.readouterr().err.replace("'", "")

    for step in ("features", "population"):
        assert [one["name"] for one in ran(home, capsys, "--as-of", DAY, "--only", step)["steps"]] == [step]
    rest = ran(home, capsys, "--as-of", DAY)

    assert [step["name"] for step in rest["steps"]] == list(STEP_NAMES[2:])
    assert (files(home), left(home)) == (files(twin), left(twin))
    assert ran(home, capsys, "--as-of", DAY)["status"] == "unchanged"


def test_another_content_of_the_default_policy_is_another_day(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its version is `default` whatever it holds."""
    run_file, use_cases = load_run_file(world / "home")
    asked = (world / "home", run_file, use_cases, datetime(2024, 10, 1, tzinfo=UTC))
    before, policy = day_context(*asked), current_policy(world / "home")

    monkeypatch.setattr(
        "penchant.daily.day.current_policy", lambda _home: replace(policy, segments=policy.segments[1:])
    )

    assert policy.version == "default"
    assert day_context(*asked).run_id != before.run_id


def test_another_list_of_objectors_is_another_day(world: Path, capsys: Capture) -> None:
    """Who objected is not in it any more."""
    home = world / "home"
    first = ran(home, capsys, "--as-of", DAY)
    suppression.add(home, ["c1"])

    again = ran(home, capsys, "--as-of", DAY)

    assert (again["status"], again["run_id"] == first["run_id"]) == ("done", False)
    assert "c1" not in open_snapshot(days_of(home)[0].folder).column("customer_id")


def test_flows_since_the_day_before_are_counted(world: Path, capsys: Capture) -> None:
    """The report between the two days is there for the pages, and counts every customer of both once."""
    home = world / "home"
    ran(home, capsys, "--as-of", "2024-09-01")
    ran(home, capsys, "--as-of", DAY)

    report = json.loads((home / "segments/report.json").read_bytes())

    assert (report["before"]["as_of"], report["after"]["as_of"]) == ("2024-09-01", DAY)
    assert report["after"]["customers"] == population(home=home).height
    assert population(home=home, as_of="2024-09-15")["as_of"][0].isoformat().startswith("2024-09-01")


def test_a_day_may_be_an_hour(world: Path, capsys: Capture) -> None:
    """A moment is a day of its own."""
    home = world / "home"
    ran(home, capsys, "--as-of", "2024-10-01T06:00")
    ran(home, capsys, "--as-of", "2024-10-01T08:00:00+01:00")

    assert [day.folder.name for day in days_of(home)] == ["2024-10-01T060000", "2024-10-01T070000"]


def test_a_day_that_fails_leaves_the_one_before(world: Path, capfd: Capture) -> None:
    """3, the rule, and yesterday as it was; the status says where it ended."""
    home = world / "home"
    ran(home, capfd, "--as-of", DAY)
    before = files(home)
    pl.read_parquet(world / "events.parquet").drop("amount").write_parquet(world / "events.parquet")

    ended = main(["--home", str(home), "--as-of", "2024-10-02"])

    assert ended == 3
    assert "amount" in capfd.readouterr().err
    assert files(home) == before
    assert main(["status", "--home", str(home), "--json"]) == 0
    status = json.loads(capfd.readouterr().out)
    failed = failed_run(home)
    assert failed
    assert (failed.as_of, failed.at) == ("2024-10-02T00:00:00+00:00", status["at"])
    assert (status["status"], status["steps"][0]["name"], status["steps"][0]["status"]) == (
        "failed",
        "features",
        "failed",
    )


def test_two_runs_at_once_are_refused(world: Path, capsys: Capture) -> None:
    """1 and a sentence; the first goes on."""
    (world / "home/population").mkdir()
    with only_writer(world / "home"):
        assert main(["--home", str(world / "home"), "--as-of", DAY]) == 1

    assert "One run of a home at a time" in capsys.readouterr().err


def test_a_run_killed_at_any_moment_is_done_again(world: Path, capsys: Capture) -> None:
    """Yesterday is in service meanwhile, and the day comes out with the same bytes as without a kill."""
    twin = shutil.copytree(world, world.with_name("twin"))
    for home in (world / "home", twin / "home"):
        ran(home, capsys, "--as-of", "2024-09-30")
    yesterday = files(world / "home")
    begun = time.monotonic()
    ran(twin / "home", capsys, "--as-of", DAY)
    seconds = (time.monotonic() - begun) + 1.5  # a process of its own also imports
    rng = random.Random(7)

    for _ in range(int(os.environ.get("PENCHANT_RUN_KILLS", "3"))):
        command = [sys.executable, "-m", "penchant", "run", "--home", str(world / "home"), "--as-of", DAY]
        with subprocess.Popen(
            command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        ) as one:
            time.sleep(rng.uniform(0, seconds))
            os.killpg(one.pid, signal.SIGKILL)
        assert yesterday.items() <= files(world / "home").items()
        day = population(home=world / "home")["as_of"][0].date().isoformat()
        assert day in ("2024-09-30", DAY)
        index = open_index(world / "home")
        assert index.page(CustomerQuery(), limit=1).total == index.day.manifest.customers
    ran(world / "home", capsys, "--as-of", DAY)

    assert files(world / "home") == files(twin / "home")
    assert left(world / "home") == left(twin / "home")
    assert [path.name for path in (world / "home/population").iterdir() if path.name.startswith(".")] == [".run.lock"]


def test_a_ready_table_has_a_population_too(tmp_path: Path, capsys: Capture) -> None:
    """The rows without a label, or those of a file of its own; who objected is in neither."""
    home = tmp_path / "home"
    release_shop(home, "shop", scratch=tmp_path)
    rows = pl.DataFrame([{"client": f"c{row}", **each} for row, each in enumerate(shop_rows(90, seed=4))])
    labels = [("yes", "no", None)[row % 3] for row in range(90)]
    rows.with_columns(y=pl.Series(labels)).write_parquet(tmp_path / "table.parquet")
    rows[:20].write_csv(tmp_path / "today.csv")
    section = {"path": "table.parquet", "label": "y", "positive": "yes", "customer_id": "client"}
    write_use_case(tmp_path, {"table": section}, name="shop")
    suppression.add(home, ["c2"])
    (home / "run.toml").write_text('[[use_case]]\nfile = "../shop.toml"\n')

    ran(home, capsys, "--as-of", DAY)
    assert sorted(population(home=home)["customer_id"]) == sorted(f"c{row}" for row in range(5, 90, 3))

    (home / "run.toml").write_text('[[use_case]]\nfile = "../shop.toml"\nrows = "../today.csv"\n')
    ran(home, capsys, "--as-of", "2024-10-02")
    assert population(home=home).height == 19


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "must name use cases"),
        ("[[use_case]]\n", "use_case.0.file"),
        ('[[use_case]]\nfile = "a.toml"\n[populaton]\nkeep = "3d"\n', "populaton"),
        ('[[use_case]]\nfile = "nowhere.toml"\n', "nowhere.toml"),
        ("[[use_case]\n", "is not TOML"),
    ],
    ids=["absent", "no file", "misspelt", "no such file", "no TOML"],
)
def test_a_wrong_file_is_refused(tmp_path: Path, capsys: Capture, content: str | None, said: str) -> None:
    """2, and what is wrong, before anything is loaded."""
    if content is not None:
        (tmp_path / "run.toml").write_text(content)

    assert main(["--home", str(tmp_path), "--as-of", DAY]) == 2
    assert said in capsys.readouterr().err


def test_without_a_run_there_is_no_population(tmp_path: Path, capsys: Capture) -> None:
    """A sentence that says what makes one."""
    with pytest.raises(PopulationError, match="penchant run"):
        population(home=tmp_path)
    assert main(["status", "--home", str(tmp_path)]) == 1
    assert "had none" in capsys.readouterr().err


def test_an_erasure_reaches_every_day(world: Path, capsys: Capture) -> None:
    """It is pending until the days are written anew; then no file of the home has the id, nor is it exported."""
    home = world / "home"
    for day in ("2024-09-01", DAY):
        ran(home, capsys, "--as-of", day)
    assert len(subject_rights.export(home, ["c1"])[0]["population"]) == 6  # and outcomes

    assert subject_rights.erase(home, ["c1"])[0]["pending"]
    assert "c1" not in population(home=home)["customer_id"]
    finish_erasures(home, at_once=True)

    assert subject_rights.export(home, ["c1"])[0]["population"] == []
    parts = [*(home / "population").glob("20*/*.parquet"), *(home / "outcomes").rglob("*.parquet")]
    assert len(parts) > 2
    assert not any("c1" in pl.read_parquet(part)["customer_id"] for part in parts)
