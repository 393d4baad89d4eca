"""The table of segments: held against the days' files, and free of whoever objected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from statistics import fmean

import polars as pl
import pytest

from scoring.answers.served_release import Live
from scoring.batch.table_answers import covered_column
from scoring.population.days import Day, days_of
from scoring.population.read_days import day_rows
from scoring.population.segment_table import FIGURES, SegmentTable, segment_table
from scoring.privacy import suppression
from tests.support.days import DAY, made, write_customers
from tests.support.models import shop_rows


@pytest.fixture(scope="module")
def home(live: dict[str, Live], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two days; of the first other values, and fewer customers."""
    folder = tmp_path_factory.mktemp("home")
    rows = [{"customer_id": f"c{row}", **each} for row, each in enumerate(shop_rows(250, seed=9))]
    first = folder / "first.parquet"
    pl.DataFrame(rows).with_columns(pl.lit(True).alias(covered_column("churn"))).write_parquet(first)
    made(folder, live, first, DAY - timedelta(days=1))
    made(folder, live, write_customers(folder / "customers.parquet"))
    return folder


def stands(home: Path, day: Day) -> Mapping[str, set[str]]:
    """Who is in each segment, by the day's files."""
    found: dict[str, set[str]] = {}
    for row in day_rows(home, day).to_pylist():
        for code in (*row["segment_path"], *row["also"]):
            found.setdefault(code, set()).add(row["customer_id"])
    return found


def close(found: float | None, values: list[float]) -> bool:
    """Whether a mean is that of the values; None of none."""
    return found is None if not values else found is not None and math.isclose(found, fmean(values), rel_tol=1e-12)


def check(home: Path, table: SegmentTable) -> None:
    """Every figure counted anew."""
    *earlier, day = days_of(home)
    then, now = stands(home, earlier[-1]) if earlier else None, stands(home, day)
    rows = {row["customer_id"]: row for row in day_rows(home, day).to_pylist()}
    parts = {name: pl.read_parquet(f"{day.folder}/features-{name}-*.parquet") for name in day.manifest.models}
    for code, figures in table.segments.items():
        inside, was = now.get(code, set()), None if then is None else then.get(code, set())
        moved = (None, None) if was is None else (len(inside - was), len(was - inside))
        assert (figures.size, figures.entered, figures.left) == (len(inside), *moved)
        for name, mean in figures.probabilities.items():
            scored = [rows[one][f"{name}_probability"] for one in inside]
            assert close(mean, [value for value in scored if value is not None])
        for feature, mean in figures.means.items():
            own = parts[table.features[feature]].filter(pl.col("customer_id").is_in(sorted(inside)))
            assert close(mean, [float(value) for value in own[feature].drop_nulls()])
    assert table.customers == len(rows)


def test_every_figure_is_that_of_the_files(home: Path) -> None:
    """Sizes, who came and went, means of probabilities and of the features that most often are reasons."""
    table = segment_table(home)

    check(home, table)
    assert table.before == DAY - timedelta(days=1)
    assert 0 < len(table.features) <= FIGURES
    assert table.features.keys() <= {"days_since_purchase", "purchases_90d", "monetary_365d", "subscribed"}
    assert any(figures.entered and figures.left for figures in table.segments.values())


def test_whoever_objects_is_in_no_figure(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """At once, though the table is kept as long as the day stays; of a first day nobody came or went."""
    made(tmp_path, live, source)
    before = segment_table(tmp_path)
    suppression.add(tmp_path, [f"c{row}" for row in range(0, 300, 2)])
    table = segment_table(tmp_path)

    check(tmp_path, table)
    assert table.customers == before.customers / 2
