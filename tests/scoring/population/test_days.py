"""Days written and read back: what `penchant score` gives, byte for byte the same again, and forgetting."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.answers.served_release import Live
from scoring.audiences.snapshot import AudienceError, SnapshotInputs, open_snapshot
from scoring.batch.score_files import score_file
from scoring.population.days import (
    DamagedDayError,
    Day,
    PopulationBusyError,
    PopulationError,
    days_of,
    only_writer,
)
from scoring.population.forget import forget_customers, forget_objectors, forget_old
from scoring.population.history import histories
from scoring.population.partitioned import part_name, part_of
from scoring.population.read_days import day_rows, kept_of, open_checked, scored_parts
from scoring.population.write_day import DayInputs, write_day
from scoring.privacy import suppression
from scoring.releases.store import load_release
from scoring.segments.assignment import DEFAULT
from tests.support.days import ABSENT, DAY, made
from tests.support.models import release_shop


def frame(home: Path, day: Day) -> pl.DataFrame:
    """A day's rows in order of id."""
    found = pl.from_arrow(day_rows(home, day))
    assert isinstance(found, pl.DataFrame)
    return found.sort("customer_id")


def test_a_day_holds_what_scoring_a_file_gives(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """To the bit, in every column that both have; null for those whom a use case is not about."""
    rows = frame(tmp_path, made(tmp_path, live, source))
    score_file(live, source, tmp_path / "scored.parquet", reasons=3)
    scored = pl.read_parquet(tmp_path / "scored.parquet").sort("customer_id")

    shared = [name for name in scored.columns if name in rows.columns]
    assert rows.height == 300
    assert {"churn_probability", "propensity_reason_3_contribution", "churn_reason_1_code"} <= set(shared)
    assert rows.select(shared).equals(scored.select(shared))
    apart = rows.filter(pl.col("customer_id").is_in(sorted(ABSENT)))
    assert apart.select(name for name in rows.columns if name.startswith("churn_")).null_count().row(0) == (43,) * 18
    assert apart["propensity_status"].null_count() == 0
    assert rows.filter(pl.col("churn_status").is_null())["segment"].null_count() == 43


def test_a_day_keeps_no_text_of_a_next_step(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """A reader makes it of the band, in a language of its own, as it makes the texts of reasons."""
    release_shop(tmp_path, "churn", scratch=tmp_path, seed=1, actions={"high": {"fr": "Appeler", "en": "Call"}})
    said = {**live, "churn": Live(load_release(tmp_path, "churn"))}

    columns = frame(tmp_path, made(tmp_path, said, source)).columns

    assert not [name for name in columns if "action" in name]


def test_a_day_says_once_what_its_models_warn_of_nearly_all(
    live: dict[str, Live], source: Path, tmp_path: Path
) -> None:
    """In its manifest, by use case; a day of models that warn of nobody in particular says nothing."""
    usual = [{"code": "outside_training_range", "feature": "monetary_365d", "share": 0.98}]
    release_shop(tmp_path, "churn", scratch=tmp_path, seed=1, usual_warnings=usual)

    day = made(tmp_path, {**live, "churn": Live(load_release(tmp_path, "churn"))}, source)

    assert day.manifest.warnings == {"churn": ("monetary_365d: The value lies outside the range met in training.",)}
    assert b"warnings" not in (made(tmp_path / "other", live, source).folder / "manifest.json").read_bytes()


def test_reasons_name_the_value_that_was_scored(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """The cell of the feature beside its contribution."""
    rows = frame(tmp_path, made(tmp_path, live, source))
    cells = pl.read_parquet(source).with_columns(pl.all().cast(pl.String)).to_dicts()
    known = {row["customer_id"]: row for row in cells}

    for row in rows.to_dicts():
        if feature := row["propensity_reason_1_feature"]:
            assert row["propensity_reason_1_value"] == known[row["customer_id"]][feature]


def test_the_same_inputs_give_the_same_bytes(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """In another home too, and where a day is written over itself."""
    digests = [made(tmp_path / home, live, source).manifest.files for home in ("one", "two", "one")]

    assert digests[0] == digests[1] == digests[2]
    assert len(digests[0]) > 100


def test_the_rows_that_were_scored_stand_beside(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """Features as they were, of those whom the use case is about."""
    day = made(tmp_path, live, source)

    stored = pl.concat(map(pl.read_parquet, sorted(day.folder.glob("features-churn-*.parquet"))))

    expected = pl.read_parquet(source).filter(~pl.col("customer_id").is_in(sorted(ABSENT))).drop("churn.covered")
    assert stored.sort("customer_id").equals(expected.sort("customer_id").select(stored.columns))


def test_a_day_is_a_snapshot_of_segments(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """Whom it places where can be exported and compared, and the next day goes on from it."""
    first = made(tmp_path, live, source)
    second = made(tmp_path, live, source, DAY + timedelta(days=1))

    stands = open_snapshot(second.folder).memberships()
    assert {stand.since for stand in stands.values() if stand.segment} == {date(2026, 3, 1)}
    assert open_snapshot(first.folder).as_of == date(2026, 3, 1)


def test_a_day_that_fails_its_check_is_none(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """The one before stays as it is, and nothing is left behind."""
    before = made(tmp_path, live, source)
    inputs = DayInputs("other", DAY, SnapshotInputs(live, DEFAULT, source, DAY.date()))

    def refuses(_parts: Sequence[Path]) -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 its own
        write_day(tmp_path, inputs, check=refuses)

    assert [day.manifest for day in days_of(tmp_path)] == [before.manifest]
    assert [path.name for path in (tmp_path / "population").iterdir()] == ["2026-03-01"]


def test_an_id_twice_is_refused(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """A customer has one row a day."""
    rows = pl.read_parquet(source)
    pl.concat([rows, rows[:1]]).write_parquet(source)

    with pytest.raises(AudienceError, match="row 301"):
        made(tmp_path, live, source)


def test_objectors_and_the_erased_are_in_no_day_read(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """At once, before anything is written anew."""
    day = made(tmp_path, live, source)
    suppression.add(tmp_path, ["c1"])
    suppression.mark_erased(tmp_path, ["c2"], at=1.0)

    rows = frame(tmp_path, day)

    assert rows.height == 298
    assert not {"c1", "c2"} & set(rows["customer_id"])


def test_an_erased_customer_leaves_every_day(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """From scores and features of all days; other parts keep their bytes, and the digests are those of the files."""
    days = [made(tmp_path, live, source, DAY + timedelta(days=count)) for count in range(3)]
    assert len(kept_of(tmp_path, ["c2"])["c2"]) == 9

    forget_customers(tmp_path, ["c2"])

    assert kept_of(tmp_path, ["c2"]) == {}
    for before, after in zip(days, days_of(tmp_path), strict=True):
        changed = {name for name, digest in after.manifest.files.items() if before.manifest.files[name] != digest}
        touched = {part_name(prefix, part_of("c2")) for prefix in ("part", "features-churn", "features-propensity")}
        assert changed == {*touched, "index.arrow"}
        assert after.manifest.customers == 299
        assert open_snapshot(after.folder).as_of == before.manifest.as_of.date()


def test_who_objects_while_a_day_is_made_is_not_in_it(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """The list is read again at the end."""
    made(tmp_path, live, source)
    suppression.add(tmp_path, ["c5"])

    forget_objectors(tmp_path, days_of(tmp_path)[0])

    assert kept_of(tmp_path, ["c5"]) == {}
    assert len(kept_of(tmp_path, ["c6"])["c6"]) == 3


@pytest.mark.parametrize("prefix", ["part", "features-churn"])
def test_a_damaged_file_of_a_day_is_refused(live: dict[str, Live], source: Path, tmp_path: Path, prefix: str) -> None:
    """Its bytes are held against the manifest before they are parsed; other customers' files still serve."""
    day = made(tmp_path, live, source)
    file = day.folder / part_name(prefix, part_of("c2"))
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    with pytest.raises(DamagedDayError, match=f"{file.name} of 2026-03-01"):
        histories(tmp_path, ["c2"])
    with pytest.raises(DamagedDayError):
        list(scored_parts(tmp_path, day, {"churn": ["purchases_90d"]}))
    other = next(one for one in ("c1", "c3", "c4") if part_of(one) != part_of("c2"))
    assert histories(tmp_path, [other])[0].known


def test_a_day_is_a_snapshot_only_as_it_was_written(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """Its manifest names its files: other bytes are refused before they are parsed, a file of others' is not read."""
    day = made(tmp_path, live, source)
    whole = open_checked(day.folder)
    file = day.parts[0]
    (day.folder / "part-99.parquet").write_bytes(file.read_bytes())

    assert open_checked(day.folder).rows.equals(whole.rows)

    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(DamagedDayError, match=file.name):
        open_checked(day.folder)


def test_an_erasure_goes_past_damage_and_makes_none_good(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """Damaged files elsewhere stay refused; one that may hold whom it is about goes, and its customers are refused."""
    day = made(tmp_path, live, source)
    for who in ("c2", "c3"):
        file = day.folder / part_name("part", part_of(who))
        file.write_bytes(file.read_bytes() + b"more")

    forget_customers(tmp_path, ["c2"])

    assert not (day.folder / part_name("part", part_of("c2"))).exists()
    assert (day.folder / part_name("part", part_of("c3"))).exists()
    for who in ("c2", "c3"):
        with pytest.raises(DamagedDayError):
            histories(tmp_path, [who])


def test_manifests_are_read_once_as_long_as_they_stay(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """One that is exchanged is read anew."""
    day = made(tmp_path, live, source)
    manifest = day.folder / "manifest.json"
    os.utime(manifest, ns=(0, 0))  # long settled

    first, again = days_of(tmp_path)[0], days_of(tmp_path)[0]
    forget_customers(tmp_path, ["c2"])

    assert again is first
    assert days_of(tmp_path)[0].manifest.customers == first.manifest.customers - 1


def test_nobody_writes_days_beside_a_run(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """An erasure waits until the run has ended."""
    made(tmp_path, live, source)

    with only_writer(tmp_path), pytest.raises(PopulationBusyError):
        forget_customers(tmp_path, ["c2"])


def test_old_days_lose_reasons_then_go(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """Reasons and features after `keep`, the day once its outcome is known; the last day of a month stays longer."""
    for as_of in (datetime(2026, 1, 30, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC), DAY):
        made(tmp_path, live, source, as_of)

    def names(today: date) -> list[str]:
        forget_old(tmp_path, today, keep=timedelta(days=35), matured=timedelta(days=90), months=13)
        return [day.folder.name for day in days_of(tmp_path)]

    assert names(date(2026, 3, 5)) == ["2026-01-30", "2026-01-31", "2026-03-01"]
    assert not any(day.manifest.thin for day in days_of(tmp_path))
    assert names(date(2026, 3, 8)) == ["2026-01-30", "2026-01-31", "2026-03-01"]
    thin = days_of(tmp_path)[0]
    columns = frame(tmp_path, thin).columns
    assert thin.manifest.thin
    assert not list(thin.folder.glob("features-*"))
    assert not [name for name in columns if "_reason_" in name]
    assert {"churn_score", "churn_band", "segment"} <= set(columns)
    assert names(date(2026, 5, 15)) == ["2026-01-31", "2026-03-01"]
    assert names(date(2027, 2, 15)) == ["2026-01-31", "2026-03-01"]
    assert names(date(2027, 3, 15)) == ["2026-03-01"]


@given(st.text())
def test_a_customer_is_always_in_the_same_part(customer: str) -> None:
    """One of sixty-four."""
    assert part_of(customer) == part_of(customer)
    assert 0 <= part_of(customer) < 64


def test_a_broken_day_is_named(tmp_path: Path) -> None:
    """By its folder, with nothing of what it holds."""
    (tmp_path / "population/2026-01-01").mkdir(parents=True)
    (tmp_path / "population/2026-01-01/manifest.json").write_text('{"run_id": 5}')

    with pytest.raises(PopulationError, match="2026-01-01 must be a readable day"):
        days_of(tmp_path)
