"""Features are blind to the future: events after the cutoff are rewritten, and no feature may change by a bit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl

from features.point_in_time.feature_plan import plan_features
from features.point_in_time.labels import naive
from features.point_in_time.log_context import LogContext
from features.spec.feature import CUSTOMER_ID, Finding
from features.tables.learning_table import ID


def sees_the_future(backend: Any, context: LogContext, cutoff: datetime, rows: pl.DataFrame) -> list[Finding]:
    """Blocks each feature of `rows`, customers at this cutoff, that is not byte-identical with another future.

    What is counted at all (types, levels) is settled anew from the rewritten log.
    """
    other = rewritten(backend, context, cutoff)
    after = rows.select(pl.col(ID).alias(CUSTOMER_ID)).join(
        other.features_at(cutoff), on=CUSTOMER_ID, how="left", maintain_order="left"
    )
    shown = f"when events and profiles from {cutoff:%Y-%m-%d} on are rewritten"
    names = [name for name in rows.columns if not name.startswith("__")]
    moved = [name for name in names if name not in after.columns or not same_bytes(rows[name], after[name])]
    extra = [name for name in after.columns if name not in (*names, CUSTOMER_ID)]
    changes = [(name, "changes") for name in moved] + [(name, "comes up") for name in extra]
    figures = {"cutoff": f"{cutoff:%Y-%m-%d}"}
    return [Finding("sees_the_future", name, "block", f"{name!r} {does} {shown}.", figures) for name, does in changes]


def same_bytes(one: pl.Series, other: pl.Series) -> bool:
    """Whether two columns hold the same cells, numbers to the last bit.

    >>> same_bytes(pl.Series([0.3, None]), pl.Series([0.3, None]))
    True
    >>> same_bytes(pl.Series([0.0, None]), pl.Series([-0.0, None]))
    False
    """
    if one.dtype != other.dtype or not one.is_null().equals(other.is_null()):
        return False
    if one.dtype == pl.Float64:
        return one.drop_nulls().to_numpy().tobytes() == other.drop_nulls().to_numpy().tobytes()
    return one.equals(other.alias(one.name), null_equal=True)


def rewritten(backend: Any, context: LogContext, cutoff: datetime) -> LogContext:
    """The same past with another future: half of it is gone, the rest has other people, types, amounts, levels."""
    moment, events = naive(cutoff), context.log.decoded
    past, future = events.filter(events.ts < moment), events.filter(events.ts >= moment)
    changed: dict[str, ir.Value] = {
        CUSTOMER_ID: ibis.ifelse(future.ts.second() < 30, future.customer_id.reverse(), future.customer_id),
        "ts": future.ts + ibis.interval(seconds=12_345),
        "type": ibis.ifelse(future.ts.day() % 3 == 0, ibis.literal("rewritten"), future.type),
        "amount": _other(future.amount),
        "refund": ~future.refund,
    }
    for name in events.columns:
        if name[0] == "p" and name[1:].isdigit():
            changed[name] = ibis.literal("rewritten")
        elif name[0] == "m" and name[1:].isdigit():
            changed[name] = _other(future[name])
    kept = future.filter(future.ts.day() % 2 == 0).mutate(**changed)
    other = context.with_events(backend, "penchant_rewritten", past.union(kept))
    settled = naive(min(cutoff, context.cutoffs.train[-1]))
    same_plan = settled == naive(context.cutoffs.train[-1])
    plan = replace(plan_features(context.use_case, other.log, settled), traits=context.plan.traits)
    return replace(
        other,
        plan=plan if same_plan else context.plan,
        profiles=context.profiles and replace(context.profiles, rows=_unknown_after(context.profiles.rows, moment)),
    )


def _other(numbers: ir.Column) -> ir.Column:
    """Numbers of the same type that are others; null where they would not fit."""
    return (numbers.cast("decimal(28, 4)") * -7 + 100).try_cast(numbers.type())


def _unknown_after(profiles: ir.Table, moment: datetime) -> ir.Table:
    """Profiles whose traits are empty from a moment on."""
    later = (profiles.valid_from >= moment).fill_null(False)
    traits = [name for name in profiles.columns if name[0] == "t" and name[1:].isdigit()]
    return profiles.mutate(
        **{name: ibis.ifelse(later, ibis.null(profiles[name].type()), profiles[name]) for name in traits}
    )
