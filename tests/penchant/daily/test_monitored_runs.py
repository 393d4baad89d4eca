"""Outcomes and health as steps of a run, and as commands of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from penchant.cli.monitor import main as monitor
from penchant.cli.outcomes import main as outcomes
from penchant.cli.run import main as run
from penchant.retention.register import files_by_store
from scoring.health.health_file import health_path, read_health
from scoring.health.matured_windows import read_windows

FIRST, LAST = "2024-08-30", "2024-09-29"  # 30 days apart, as long as an outcome takes
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def home(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of two days, of which the outcome of the first is known on the second."""
    return shutil.copytree(model, tmp_path_factory.mktemp("monitored") / "world") / "home"


def printed(capsys: Capture, code: int, expected: int = 0) -> dict[str, object]:
    """What a command printed, which ended as expected."""
    assert code == expected
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_a_run_fills_in_what_is_known_and_says_how_good_it_was(home: Path, capsys: Capture) -> None:
    """The first day is pending, and judged on the second; the same look again changes no byte."""
    assert run(["--home", str(home), "--as-of", FIRST]) == 0
    first = read_health(home)
    assert run(["--home", str(home), "--as-of", LAST]) == 0
    second = read_health(home)

    assert first
    assert second
    was, now = first.use_cases["case"], second.use_cases["case"]
    assert (was.realised, was.pending, was.next_known) == (None, (f"{FIRST}T00:00:00+00:00",), LAST)
    assert [reason.code for reason in was.why if reason.code == "no_outcome"]
    assert now.realised
    assert now.realised.as_of[:10] == FIRST
    assert now.pending == (f"{LAST}T00:00:00+00:00",)
    [window] = read_windows(home, "case")
    assert window.known_on == LAST
    assert window.measured.rows == sum(band.rows for band in window.bands) > 50
    stores, unknown = files_by_store(home)
    assert {path.relative_to(home).parts[0] for path in unknown} == {"bundles"}  # where the model of the test was made
    assert stores["outcomes"]
    assert stores["monitoring"]

    before = health_path(home).read_bytes()
    capsys.readouterr()
    document = printed(capsys, monitor(["--home", str(home), "--json"]), 7 if second.alerts else 0)
    assert document["as_of"] == f"{LAST}T00:00:00+00:00"
    assert health_path(home).read_bytes() == before


def test_outcomes_are_counted_by_day(home: Path, capsys: Capture) -> None:
    """Of a day that is over, of one that is not; of none that was never scored."""
    words = ["--home", str(home), "--use-case", "case", "--json", "--until", LAST]
    over = printed(capsys, outcomes([*words, "--as-of", FIRST]))
    awaited = printed(capsys, outcomes([*words, "--as-of", LAST]))

    rows = pl.read_parquet(home / f"outcomes/case/{FIRST}.parquet")
    assert (over["matured"], over["pending"], over["matched"], over["unknown"]) == (len(rows), 0, len(rows), 0)
    assert rows["outcome"].null_count() == 0
    assert (awaited["matured"], awaited["matched"]) == (0, 0)
    assert awaited["pending"] == len(pl.read_parquet(home / f"outcomes/case/{LAST}.parquet"))
    assert outcomes([*words, "--as-of", "2020-01-01"]) == 2
    assert "--as-of must be a day that was scored and is kept" in capsys.readouterr().err


def test_words_that_do_not_go_together_are_refused(home: Path, capsys: Capture) -> None:
    """2, and the rule."""
    for words, rule in (
        (["--as-of", FIRST], "--use-case must name it"),
        (["came.csv", "--use-case", "case"], "--as-of must name it"),
        (["--use-case", "other"], "--use-case must be one of run.toml (case)"),
    ):
        assert outcomes(["--home", str(home), *words]) == 2
        assert rule in capsys.readouterr().err


def test_a_home_without_a_day_has_nothing_to_look_at(world: Path, capsys: Capture) -> None:
    """2, and what makes one."""
    assert monitor(["--home", str(world / "home")]) == 2
    assert "`penchant run` makes one" in capsys.readouterr().err
