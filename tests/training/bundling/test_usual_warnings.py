"""A warning that nearly all customers would get is said of the model."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from features.spec.feature import MISSING, OTHER, Feature
from scoring.bundle.manifest import UsualWarning
from scoring.encoding.encoder import Encoder
from training.bundling.usual_warnings import SAMPLE, usual_warnings

ENCODER = Encoder(
    (
        Feature("tenure", "number", "tenure", "days", seen=(0, 100)),
        Feature("joined", "date", seen=(10_000, 10_100)),
        Feature("shop", "category", levels=("web",)),
    ),
    {"shop": ["web", OTHER, MISSING]},
)


def table(outside: int, *, rows: int = 200, shops: int = 0) -> pl.DataFrame:
    """Rows of which so many are outside the range of the first feature, and so many of a shop that is not known."""
    return pl.DataFrame(
        {
            "tenure": [200.0 if row < outside else 50.0 for row in range(rows)],
            "joined": [date(1970, 1, 1) + timedelta(days=10_050)] * rows,
            "shop": ["pop-up" if row < shops else "web" for row in range(rows)],
        }
    )


@pytest.mark.parametrize(("outside", "usual"), [(0, False), (189, False), (190, True), (200, True)])
def test_at_least_nineteen_in_twenty_rows_have_it(outside: int, usual: bool) -> None:
    """Of either table; the larger share is given."""
    expected = (UsualWarning("outside_training_range", "tenure", outside / 200),) if usual else ()

    assert usual_warnings(ENCODER, table(outside), table(3)) == expected
    assert usual_warnings(ENCODER, table(3), table(outside)) == expected


def test_they_stand_in_the_order_of_the_features() -> None:
    """Whichever is more frequent."""
    found = usual_warnings(ENCODER, table(195, shops=200))

    assert [(one.feature, one.code) for one in found] == [
        ("tenure", "outside_training_range"),
        ("shop", "unseen_category"),
    ]


def test_a_long_table_is_looked_at_evenly() -> None:
    """Its first rows alone decide nothing."""
    rows = 3 * SAMPLE

    assert usual_warnings(ENCODER, table(rows // 2, rows=rows)) == ()
    assert usual_warnings(ENCODER, table(rows, rows=rows)) != ()
