"""A feature that changes with the future is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from features.leakage.perturbation import sees_the_future
from features.point_in_time.log_context import open_log_context
from features.sources.engine import engine
from features.spec.feature import CUSTOMER_ID
from features.tables.learning_table import ID
from tests.support.worlds import log_case, purchases


def test_a_feature_that_moves_by_one_bit_has_seen_the_future(tmp_path: Path) -> None:
    """Held against another future, honest features stay as they are; a changed bit is named."""
    case = log_case(tmp_path, purchases(60))
    with engine() as backend:
        context = open_log_context(backend, case, None)
        cutoff = context.cutoffs.test
        rows = context.features_at(cutoff).rename({CUSTOMER_ID: ID})
        bent = rows.with_columns(pl.Series("tenure_days", np.nextafter(rows["tenure_days"].to_numpy(), 1e9)))

        honest = sees_the_future(backend, context, cutoff, rows)
        found = sees_the_future(backend, context, cutoff, bent)

    assert honest == []
    assert [(each.rule, each.feature, each.severity) for each in found] == [("sees_the_future", "tenure_days", "block")]
