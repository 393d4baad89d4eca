"""What becomes of the customers of days: pending, never negative; late, corrected, twice, of two versions, erased."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

from features.build.log_table import rows_at, scoring_table
from features.config.use_case import LogUseCase
from features.point_in_time.labels import LABEL
from features.tables.learning_table import ID
from features.tables.outcome_schema import FIRST_OUTCOME, OUTCOME
from monitoring.outcomes.outcome_file import OutcomeError, outcomes_file, read_outcomes_of, write_outcomes
from monitoring.outcomes.settle import (
    OutcomeCounts,
    counted,
    days_due,
    forget_old_outcomes,
    keep_days,
    kept_days,
    settle_by_file,
    settle_by_log,
)
from monitoring.realised.matured import measure_matured, take_in
from scoring.health.matured_windows import read_windows
from scoring.population.days import Day
from scoring.population.forget import forget_customers
from scoring.population.read_days import kept_of
from scoring.privacy import suppression
from scoring.releases.store import install_release, release_folder
from tests.monitoring.conftest import NAME
from tests.support.days import made, released
from tests.support.worlds import load_log

DAY = datetime(1997, 10, 1, tzinfo=UTC)
OVER = DAY + timedelta(days=30)


@pytest.fixture(scope="module")
def features(cdnow: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The features of all customers as of the day."""
    file = tmp_path_factory.mktemp("features") / "rows.parquet"
    scoring_table(load_log(cdnow / f"{NAME}.toml"), DAY).write_parquet(file)
    return file


@pytest.fixture
def day(home: Path, features: Path) -> Day:
    """The day, scored."""
    return made(home, released(home, NAME), features, DAY)


def the_only(home: Path, use_case: LogUseCase) -> OutcomeCounts:
    """The counts of the only day."""
    [counts] = counted(home, use_case)
    return counts


def shorten_log(home: Path, until: datetime) -> pl.DataFrame:
    """Ends the log at a moment; returns what it was."""
    file = home.parent / "events.parquet"
    events = pl.read_parquet(file)
    events.filter(pl.col("date") < until.replace(tzinfo=None).date()).write_parquet(file)
    return events


def test_a_day_is_pending_until_its_window_is_over(home: Path, use_case: LogUseCase, day: Day) -> None:
    """A day before nothing is known of anybody, and nobody counts as negative; from then on all are."""
    keep_days(home, use_case, [day])
    assert settle_by_log(home, use_case, OVER - timedelta(seconds=1)) is None

    before = the_only(home, use_case)
    rows = read_outcomes_of(home, outcomes_file(home, NAME, DAY)).rows
    settle_by_log(home, use_case, OVER)
    after = the_only(home, use_case)

    assert (before.matured, before.pending, before.matched) == (0, len(rows), 0)
    assert rows[OUTCOME].is_null().all()
    assert (after.matured, after.pending, after.matched, after.unknown) == (len(rows), 0, len(rows), 0)


def test_outcomes_are_the_labels_that_training_learns_from(home: Path, use_case: LogUseCase, day: Day) -> None:
    """Of every customer of the day."""
    keep_days(home, use_case, [day])
    settle_by_log(home, use_case, OVER)

    found = read_outcomes_of(home, outcomes_file(home, NAME, DAY)).rows.sort("customer_id")

    learned = rows_at(use_case, [DAY]).sort(ID)
    assert found[OUTCOME].to_list() == learned[LABEL].to_list()


def test_what_was_bought_stands_beside_the_outcome(home: Path, use_case: LogUseCase, day: Day, tmp_path: Path) -> None:
    """Orders and their sum by customer, once the log tells; of segments the sums alone; the person sees their own."""
    keep_days(home, use_case, [day])
    file = outcomes_file(home, NAME, DAY)
    kept = read_outcomes_of(home, file)
    parted = pl.when(pl.int_range(pl.len()) < 15).then(pl.lit("new")).otherwise(pl.lit("loyal"))
    write_outcomes(home, kept.facts, kept.rows.with_columns(segment=parted))
    some = kept.rows["customer_id"][:50].to_list()
    pl.DataFrame({"customer_id": some, "outcome": [1] * 50}).write_csv(tmp_path / "came.csv")
    settle_by_file(home, use_case, DAY, tmp_path / "came.csv", OVER)
    measure_matured(home, NAME)
    [by_file] = read_windows(home, NAME)

    settle_by_log(home, use_case, OVER)
    measure_matured(home, NAME)

    rows = read_outcomes_of(home, file).rows
    events = pl.read_parquet(home.parent / "events.parquet")
    within = events.filter(pl.col("date").is_between(DAY.date(), (OVER - timedelta(days=1)).date()))
    bought = within.group_by(pl.col("customer_id").cast(pl.String)).agg(there=pl.len(), paid=pl.col("amount").sum())
    beside = rows.join(bought, on="customer_id", how="left").with_columns(pl.col("there", "paid").fill_null(0))
    assert beside["orders"].to_list() == beside["there"].to_list()
    assert beside["value"].to_list() == pytest.approx(beside["paid"].to_list())
    [window] = read_windows(home, NAME)
    assert [one.orders for one in by_file.segments] == [None, None]
    assert window.currency == "USD"
    for one in window.segments:
        own = rows.filter(pl.col("segment") == one.code)
        assert (one.orders is None) == (one.value is None) == (len(own) < 20)
        if one.orders and one.value:
            assert (one.orders.rows, one.orders.some) == (len(own), int((own["orders"] > 0).sum()))
            assert (one.orders.total, one.value.total) == pytest.approx((own["orders"].sum(), own["value"].sum()))
            assert one.value.squares == pytest.approx((own["value"] ** 2).sum())
    assert [one.code for one in window.segments if one.value] == ["loyal"]
    [copy] = kept_of(home, some[:1])[some[0]][-1:]
    assert (copy["orders"], copy["value"]) == rows.row(by_predicate=pl.col("customer_id") == some[0])[-2:]


def test_a_log_that_ends_early_settles_nothing(home: Path, use_case: LogUseCase, day: Day) -> None:
    """Else whoever bought after its end would count as somebody who did not."""
    shorten_log(home, OVER - timedelta(days=5))
    keep_days(home, use_case, [day])

    found = settle_by_log(home, use_case, OVER)

    assert found
    assert found.known == {}
    assert the_only(home, use_case).pending > 0


def test_the_same_log_twice_changes_no_byte_and_late_events_are_counted(
    home: Path, use_case: LogUseCase, day: Day
) -> None:
    """A week of events that came late makes buyers of some; what was known first stays beside it."""
    whole = shorten_log(home, OVER + timedelta(days=1))
    events = pl.read_parquet(home.parent / "events.parquet")
    week = (OVER - timedelta(days=8)).date(), (OVER - timedelta(days=1)).date()
    events.filter(~pl.col("date").is_between(*week)).write_parquet(home.parent / "events.parquet")
    keep_days(home, use_case, [day])
    settle_by_log(home, use_case, OVER)
    first = outcomes_file(home, NAME, DAY).read_bytes()

    settle_by_log(home, use_case, OVER, kept_days(home, NAME))
    assert outcomes_file(home, NAME, DAY).read_bytes() == first
    assert days_due(home, use_case, OVER + timedelta(hours=23)) == []
    assert days_due(home, use_case, OVER + timedelta(days=1)) == [DAY]
    whole.write_parquet(home.parent / "events.parquet")
    settle_by_log(home, use_case, OVER + timedelta(days=1))

    rows = read_outcomes_of(home, outcomes_file(home, NAME, DAY)).rows
    changed = rows.filter(pl.col(OUTCOME) != pl.col(FIRST_OUTCOME))
    assert 0 < the_only(home, use_case).changed == len(changed)
    assert set(changed[OUTCOME]) == {1}


def test_a_file_of_outcomes_is_taken_in_once(home: Path, use_case: LogUseCase, day: Day, tmp_path: Path) -> None:
    """Before the window is over nothing; the same again changes nothing; another value is a correction."""
    keep_days(home, use_case, [day])
    rows = read_outcomes_of(home, outcomes_file(home, NAME, DAY)).rows
    some = rows["customer_id"][:50].to_list()
    file = tmp_path / "came.csv"
    pl.DataFrame({"customer_id": [*some, "nobody"], "outcome": [1] * 51}).write_csv(file)

    assert not settle_by_file(home, use_case, DAY, file, OVER - timedelta(days=1))
    assert the_only(home, use_case).matched == 0
    for _ in range(2):
        assert settle_by_file(home, use_case, DAY, file, OVER)
    first = the_only(home, use_case)
    pl.DataFrame({"customer_id": some[:2], "outcome": [0, 1]}).write_csv(file)
    settle_by_file(home, use_case, DAY, file, OVER)

    assert (first.matched, first.unknown, first.changed) == (50, len(rows) - 50, 0)
    assert the_only(home, use_case).changed == 1


@pytest.mark.parametrize("cells", [{"who": ["1"], "outcome": [1]}, {"customer_id": ["1"], "outcome": ["maybe"]}])
def test_a_wrong_file_is_refused(
    home: Path, use_case: LogUseCase, day: Day, tmp_path: Path, cells: dict[str, list[object]]
) -> None:
    """With the rule, and no value of it."""
    keep_days(home, use_case, [day])
    pl.DataFrame(cells).write_csv(tmp_path / "came.csv")

    with pytest.raises(OutcomeError, match="must") as refused:
        settle_by_file(home, use_case, DAY, tmp_path / "came.csv", OVER)
    assert "maybe" not in str(refused.value)


def test_two_versions_of_a_day_are_measured_apart(home: Path, use_case: LogUseCase, features: Path) -> None:
    """A model was promoted at noon and the day run again: both were served, both are judged."""
    bundle = home / "bundles" / NAME
    install_release(home, NAME, "2", bundle, facts={})
    first = made(home, released(home, NAME), features, DAY)
    keep_days(home, use_case, [first])
    (release_folder(home, NAME, "1").parent / "CURRENT").write_text("2\n")
    second = made(home, released(home, NAME), features, DAY, run_id="again")
    take_in(home, use_case, [second], OVER)

    windows = read_windows(home, NAME)

    assert [one.version for one in windows] == ["1", "2"]
    assert windows[0].measured == windows[1].measured
    assert the_only(home, use_case).matched == 2 * windows[0].measured.rows


def test_measured_again_windows_are_the_same_bytes(home: Path, use_case: LogUseCase, day: Day) -> None:
    """And they stay when the customers of the day are gone by age."""
    take_in(home, use_case, [day], OVER)
    windows = home / f"monitoring/windows/{NAME}.jsonl"
    first = windows.read_bytes()
    take_in(home, use_case, [day], OVER)
    forget_old_outcomes(home, use_case, OVER + timedelta(days=500))
    take_in(home, use_case, [], OVER + timedelta(days=500))

    assert not outcomes_file(home, NAME, DAY).exists()
    assert windows.read_bytes() == first
    [window] = read_windows(home, NAME)
    assert window.measured.intervals["roc_auc"][0] > 0.5
    assert window.baseline
    assert window.baseline.method == "crossed"
    assert sum(band.rows for band in window.bands) == window.measured.rows


def test_the_erased_leave_outcomes_too(home: Path, use_case: LogUseCase, day: Day) -> None:
    """An objector is left out at once, an erased customer's row is gone from the file."""
    keep_days(home, use_case, [day])
    file = outcomes_file(home, NAME, DAY)
    one, other = read_outcomes_of(home, file).rows["customer_id"][:2].to_list()

    suppression.add(home, [one])
    forget_customers(home, [other])

    assert {one, other} & set(read_outcomes_of(home, file).rows["customer_id"]) == set()
    assert other not in pl.read_parquet(file)["customer_id"]
    settle_by_log(home, use_case, OVER)
    assert {one, other} & set(pl.read_parquet(file)["customer_id"]) == set()
    assert file.stat().st_mode & 0o077 == 0


def test_a_damaged_file_is_refused(home: Path, use_case: LogUseCase, day: Day) -> None:
    """With a sentence; nothing is settled."""
    keep_days(home, use_case, [day])
    outcomes_file(home, NAME, DAY).write_bytes(b"PAR1 no")

    with pytest.raises(OutcomeError, match="must be outcomes as they were written"):
        settle_by_log(home, use_case, OVER)


def test_a_day_of_another_use_case_is_passed_over(home: Path, use_case: LogUseCase, day: Day) -> None:
    """Nothing is kept of it."""
    manifest = msgspec.structs.replace(day.manifest, models={})
    assert keep_days(home, use_case, [Day(day.folder, manifest)]) == 0
    assert counted(home, use_case) == []
