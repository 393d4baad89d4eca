"""The leakage prover: the future is rewritten and no feature may move; suspects are named."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl

from features.engine import engine, frame
from features.labels import naive
from features.layout import layout_of
from features.table import Ground, learning_table, prepare
from features.types import CUSTOMER_ID, Finding
from features.usecase import UseCase


def prove(use_case: UseCase) -> tuple[Finding, ...]:
    """Every finding on a use case: those of its learning table, and features that see the future.

    Raises:
        DataError: the data broke its contract.
    """
    findings = learning_table(use_case).findings
    return findings if use_case.events is None else (*findings, *_future(use_case))


def _future(use_case: UseCase) -> list[Finding]:
    """Rewrites every event and profile at or after each cutoff; a feature that changes saw what it should not."""
    found: dict[str, Finding] = {}
    with engine() as backend:
        ground = prepare(backend, use_case, None)
        for cutoff in (*ground.cutoffs.train, ground.cutoffs.test):
            other = _rewritten(backend, ground, cutoff)
            before = frame(ground.at(cutoff).order_by(CUSTOMER_ID))
            after = frame(other.at(cutoff).order_by(CUSTOMER_ID))
            for name in _moved(before, after):
                detail = f"{name!r} changes when events at or after {cutoff:%Y-%m-%d} are rewritten."
                found.setdefault(name, Finding("sees_the_future", name, "block", detail))
    return list(found.values())


def _moved(before: pl.DataFrame, after: pl.DataFrame) -> list[str]:
    names = [
        name for name in before.columns if name not in after.columns or _bytes(before, name) != _bytes(after, name)
    ]
    return names + [name for name in after.columns if name not in before.columns]


def _bytes(table: pl.DataFrame, name: str) -> bytes:
    sink = io.BytesIO()
    table.select(name).write_parquet(sink, compression="uncompressed")
    return sink.getvalue()


def _rewritten(backend: Any, ground: Ground, cutoff: datetime) -> Ground:
    """The same ground with another future: other people, times, amounts, types and levels."""
    moment, events = naive(cutoff), ground.log.events
    past, future = events.filter(events.ts < moment), events.filter(events.ts >= moment)
    changed: dict[str, ir.Value] = {
        CUSTOMER_ID: ibis.ifelse(future.amount.fill_null(0) > 20, future.customer_id.reverse(), future.customer_id),
        "ts": future.ts + ibis.interval(seconds=12_345),
        "amount": (future.amount * -7 + 100).cast(events.amount.type()),
        "refund": ~future.refund,
    }
    changed |= {name: ibis.literal("rewritten") for name in events.columns if name[0] == "p" and name[1:].isdigit()}
    changed |= {
        name: (future[name] * 3 + 1).cast(events[name].type())
        for name in events.columns
        if name[0] == "m" and name[1:].isdigit()
    }
    log = replace(
        ground.log,
        events=backend.create_table(
            "penchant_rewritten", past.union(future.mutate(**changed)), temp=True, overwrite=True
        ),
    )
    settled = min(naive(ground.cutoffs.train[-1]), moment)
    layout = replace(layout_of(ground.use_case, log, settled), traits=ground.layout.traits)
    if settled < naive(ground.cutoffs.train[-1]):
        layout = ground.layout
    return replace(ground, log=log, layout=layout)
