"""The rows of a learning table as they would be had nobody's opening of a mail been tracked."""

from __future__ import annotations

import polars as pl

from features.config.use_case import LogUseCase
from features.history.tracking_consent import are_open, is_open
from features.point_in_time.feature_plan import FeaturePlan
from features.point_in_time.log_context import open_log_context
from features.sources.engine import engine
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import Objectors
from features.tables.learning_table import CUTOFF, ID


def counts_opens(plan: FeaturePlan | None) -> bool:
    """Whether features are made of opens of mail."""
    return plan is not None and any(is_open(kind, *plan.prefixes) for kind in plan.types)


def without_opens(use_case: LogUseCase, rows: pl.DataFrame, objectors: Objectors | None = None) -> pl.DataFrame:
    """The same customers at the same cutoffs with the same outcomes, their features from a log that has no open.

    Who has no other event has nothing but missing features. The rows keep their order.
    """
    moments = rows[CUTOFF].unique().sort().to_list()
    with engine() as backend:
        context = open_log_context(backend, use_case, None, objectors)
        events = context.log.decoded
        opens = are_open(events.type, *context.plan.prefixes)
        other = context.with_events(backend, "penchant_unopened", events.filter(~opens))
        tables = other.features_at_each(moments)
        made = pl.concat(
            table.with_columns(pl.lit(moment).cast(rows.schema[CUTOFF]).alias(CUTOFF))
            for moment, table in zip(moments, tables, strict=True)
        )
    kept = rows.select(name for name in rows.columns if name not in made.columns or name == CUTOFF)
    found = kept.join(made.rename({CUSTOMER_ID: ID}), on=[ID, CUTOFF], how="left", maintain_order="left")
    return found.select(rows.columns)
