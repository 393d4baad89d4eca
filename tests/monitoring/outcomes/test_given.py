"""Scores that were given over HTTP: pending until their window is over, then judged as those of a day are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from features.build.log_table import scoring_table
from features.config.use_case import LogUseCase
from monitoring.outcomes.given import as_given, keep_given
from monitoring.outcomes.outcome_file import outcomes_file, read_outcomes_of
from monitoring.outcomes.settle import counted
from monitoring.realised.matured import take_in
from scoring.answers.served_release import Live
from scoring.batch.table_answers import answer_table
from scoring.health.matured_windows import read_windows
from scoring.population.forget import forget_customers
from scoring.releases.store import load_release
from tests.monitoring.conftest import NAME
from tests.support.worlds import load_log

DAY = datetime(1997, 10, 1, tzinfo=UTC)
OVER = DAY + timedelta(days=30)
Given = list[tuple[object, ...]]


@pytest.fixture(scope="module")
def given(cdnow: Path) -> Given:
    """All customers of the day as they would be logged, one every second, each twice: the second score counts."""
    live = Live(load_release(cdnow / "home", NAME))
    answered = answer_table({NAME: live}, scoring_table(load_log(cdnow / f"{NAME}.toml"), DAY).to_arrow())
    columns = answered.parts[NAME].columns
    rows = zip(answered.customers.to_pylist(), columns["score"].to_pylist(), columns["band"].to_pylist(), strict=True)
    scored = [(who, score, band) for who, score, band in rows if score is not None]
    start = DAY.timestamp()
    first: Given = [(who, start + n, "1", 50.0, "low", None) for n, (who, _, _) in enumerate(scored)]
    last: Given = [(who, start + 40_000 + n, "1", score, band, "all") for n, (who, score, band) in enumerate(scored)]
    return first + last


def test_scores_given_over_http_are_judged_once_their_outcome_is_known(
    home: Path, use_case: LogUseCase, given: Given
) -> None:
    """Pending until then; by the last score of each; the same again changes nothing; a day's own scores are apart."""
    named = as_given(use_case)
    assert (keep_given(home, use_case, given), keep_given(home, use_case, given)) == (1, 0)
    take_in(home, named, [], OVER - timedelta(days=1))
    [before] = counted(home, named)
    take_in(home, named, [], OVER)
    [after] = counted(home, named)

    rows = read_outcomes_of(home, outcomes_file(home, named.name, DAY)).rows
    [window] = read_windows(home, named.name)
    assert (before.pending, before.matched) == (len(given) // 2, 0)
    assert (after.pending, after.matched) == (0, len(given) // 2)
    assert rows["probability"].n_unique() > 20
    assert window.measured.roc_auc is not None
    assert window.measured.roc_auc > 0.6
    assert counted(home, use_case) == []
    assert read_windows(home, NAME) == []


def test_the_erased_leave_what_was_given_too(home: Path, use_case: LogUseCase, given: Given) -> None:
    """Their rows are gone from the file."""
    keep_given(home, use_case, given)
    file = outcomes_file(home, as_given(use_case).name, DAY)
    who = str(given[0][0])
    forget_customers(home, [who])

    assert who not in set(pl.read_parquet(file)["customer_id"])


def test_each_day_and_version_stands_by_itself(home: Path, use_case: LogUseCase, given: Given) -> None:
    """A score after midnight is of the next day; two versions of a customer are two rows."""
    who, at, _, score, band, segment = given[0]
    assert isinstance(at, float)
    rows: Given = [
        (who, at, "1", score, band, segment),
        (who, at, "2", score, band, segment),
        (who, at + 86_400, "2", score, band, segment),
    ]

    assert keep_given(home, use_case, rows) == 2
    assert [(day.as_of[:10], day.pending) for day in counted(home, as_given(use_case))] == [
        ("1997-10-01", 2),
        ("1997-10-02", 1),
    ]
