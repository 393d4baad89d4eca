"""A few misdated events move neither the end of a log nor its cutoffs; quiet years stay what they are."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from features.build.log_table import learning_table, scoring_table
from features.config.use_case import LogUseCase
from features.errors import DataError
from features.history.log_span import find_log_span
from tests.support.worlds import START, log_case, purchases, utc

LOG = purchases(120, 300)
LATE = [datetime(2038, 1, 19, 3, 14, 7), datetime(2999, 12, 31), datetime(2999, 12, 31), datetime(2044, 2, 1)]
EARLY = [datetime(1900, 1, 1), datetime(1970, 1, 1), datetime(1970, 1, 1)]


def dated(moments: list[datetime], *, log: pl.DataFrame = LOG) -> pl.DataFrame:
    """The log with more events of its first customers at these moments."""
    extra = log.head(len(moments)).with_columns(ts=pl.Series(moments, dtype=pl.Datetime("us")))
    return pl.concat([log, extra])


def case(folder: Path, log: pl.DataFrame, **window: str) -> LogUseCase:
    """A use case on it, in a folder of its own."""
    folder.mkdir(exist_ok=True)
    return log_case(folder, log, window=window)


def test_late_events_are_bad_rows(tmp_path: Path) -> None:
    """2038 and 2999 change nothing that is learned; they are counted and set aside with their rule."""
    clean = learning_table(case(tmp_path / "clean", LOG))

    table = learning_table(case(tmp_path / "late", dated(LATE)), quarantine=tmp_path / "quarantine")

    assert table.cutoffs == clean.cutoffs
    assert table.rows.equals(clean.rows)
    assert table.report["bad_rows"]["rules"] == {"late_timestamp": 4}
    assert table.report["last_event"] == clean.report["last_event"]
    assert any(note["detail"].startswith("4 events follow after") for note in table.report["notes"])
    kept = pl.read_parquet(tmp_path / "quarantine/case-events.parquet")
    assert kept["__row"].to_list() == list(range(len(LOG) + 1, len(LOG) + 5))
    assert set(kept["rule"]) == {"late_timestamp"}


def test_a_year_mistyped_is_late_too(tmp_path: Path) -> None:
    """Two hundred years on, spread over all days of a year."""
    late = [START + timedelta(days=365 * 200 + 24 * i) for i in range(15)]

    table = learning_table(case(tmp_path, dated(late)))

    assert table.report["bad_rows"]["rules"] == {"late_timestamp": 15}
    assert table.cutoffs is not None
    assert table.cutoffs.test == utc(270)


def test_early_events_are_told_and_move_no_cutoff(tmp_path: Path) -> None:
    """1900 and 1970 may be an old customer: they count, the report says so and the tenure is doubted."""
    clean = learning_table(case(tmp_path / "clean", LOG))

    table = learning_table(case(tmp_path / "early", dated(EARLY)))

    assert table.cutoffs == clean.cutoffs
    assert table.report["first_event"] == clean.report["first_event"]
    assert table.report["bad_rows"]["total"] == 0
    assert any(note["detail"].startswith("3 events lie before 2024-01-01") for note in table.report["notes"])
    assert ("early_timestamp", "tenure_days", "warn") in {(f.rule, f.feature, f.severity) for f in table.findings}
    assert (table.rows["tenure_days"] > 40_000).any()


def test_early_and_late_events_do_not_hide_each_other(tmp_path: Path) -> None:
    """The silence after 1970 is longer than the one before 2038."""
    table = learning_table(case(tmp_path, dated(LATE + EARLY)))

    assert table.report["bad_rows"]["rules"] == {"late_timestamp": 4}
    assert table.cutoffs is not None
    assert table.cutoffs.test == utc(270)


def test_what_lies_before_an_asked_cutoff_has_happened(tmp_path: Path) -> None:
    """A customer who is back after years is scored by it, though the log of training ends before."""
    back = START + timedelta(days=300 + 200)
    use_case = case(tmp_path, dated([back]))

    before, after = scoring_table(use_case, utc(400)), scoring_table(use_case, utc(510))

    customer = LOG["customer_id"][0]
    assert before.filter(customer_id=customer)["days_since_purchase"][0] > 100
    assert after.filter(customer_id=customer)["days_since_purchase"][0] == 10.0
    assert learning_table(use_case).report["bad_rows"]["rules"] == {"late_timestamp": 1}


def test_a_named_test_cutoff_vouches_for_what_it_reaches(tmp_path: Path) -> None:
    """Whoever names the cutoff after the silence gets what they ask for: here too few customers."""
    late = [START + timedelta(days=300 + 200 + i) for i in range(20)]

    with pytest.raises(DataError, match="at least 20 customers") as failure:
        learning_table(case(tmp_path, dated(late), test_cutoff=f"{utc(485):%Y-%m-%d}"))

    assert "no event lies between" in str(failure.value)


def test_too_many_late_events_for_the_use_case_stop_the_run(tmp_path: Path) -> None:
    """They count like other bad rows: the column and the rule are named."""
    use_case = case(tmp_path, dated(LATE))
    strict = use_case.model_copy(update={"quality": use_case.quality.model_copy(update={"bad_rows": 0.0})})

    with pytest.raises(DataError, match="column 'ts': late_timestamp: 4 rows"):
        learning_table(strict)


def days(*stretches: tuple[str, int, float]) -> pl.DataFrame:
    """Counts by day: stretches by their first day, how many days, and events a day (below 1: one event in 1/n days)."""
    rows = []
    for first, length, rate in stretches:
        step = max(1, round(1 / rate))
        rows += [(date.fromisoformat(first) + timedelta(days=i), max(1, round(rate))) for i in range(0, length, step)]
    return pl.DataFrame(rows, schema={"day": pl.Date, "n": pl.Int64}, orient="row")


@pytest.mark.parametrize(
    "counts",
    [
        days(("2010-01-01", 900, 20), ("2016-01-01", 900, 20)),
        days(("2010-01-01", 2000, 20), ("2019-01-01", 120, 5)),
        days(("2010-01-01", 2000, 20), ("2019-01-01", 10, 500)),
        days(*((f"{year}-12-01", 20, 10) for year in range(2000, 2024))),
        days(*((f"{year}-12-01", 20, 10) for year in range(2000, 2024, 2))),
        days(("2020-01-01", 10, 1), ("2023-01-01", 1, 1)),
        days(("2020-01-01", 1, 1)),
    ],
    ids=[
        "years of silence between busy ones",
        "business resumed, smaller",
        "a campaign with a fifth of all",
        "every December",
        "every second December",
        "eleven events",
        "one event",
    ],
)
def test_real_silences_are_left_alone(counts: pl.DataFrame) -> None:
    """A log that has quiet years, or seasons, or hardly anything, begins and ends where it does."""
    found = find_log_span(counts, observation=90, awaited=30, known_to=None)

    assert (found.early, found.late) == (0, 0)
    days_with_events = counts["day"].to_list()
    assert found.start.date() == min(days_with_events)
    assert found.end.date() == max(days_with_events) + timedelta(days=1)


def test_a_silence_that_stays_is_told() -> None:
    """Where the log begins and ends is not all there is to say."""
    found = find_log_span(
        days(("2010-01-01", 900, 20), ("2016-01-01", 900, 20)), observation=90, awaited=30, known_to=None
    )

    assert [note.detail for note in found.notes] == ["no event lies between 2012-06-18 and 2016-01-01"]


@pytest.mark.parametrize("n", [1, 3, 20])
def test_years_one_after_another_are_late_together(n: int) -> None:
    """Misdated events as far from each other as from the log are all late."""
    late = [(f"{2030 + 6 * i}-01-01", 1, 1.0) for i in range(n)]

    found = find_log_span(days(("2020-01-01", 1500, 10), *late), observation=365, awaited=90, known_to=None)

    assert (found.late, f"{found.end:%Y-%m-%d}") == (n, "2024-02-09")
