"""What every table of a use case on a log needs: the log, its cutoffs, its feature plan, its profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import ibis.expr.types as ir
import polars as pl

from features.config.use_case import LogUseCase
from features.history.encoded_log import encode_texts, in_part
from features.history.event_log import Log, open_log
from features.point_in_time.declared_counts import check_counts
from features.point_in_time.definitions import feature_table, log_features
from features.point_in_time.feature_plan import FeaturePlan, plan_features
from features.point_in_time.handed_log import hand_over
from features.point_in_time.labels import Cutoffs, cutoffs_of, naive
from features.point_in_time.traits import Traits, as_of, open_profiles
from features.sources.engine import frames, getvariable, make_timestamp
from features.sources.engines.engine_port import FeatureEngine
from features.spec.feature import CUSTOMER_ID, DataNote
from features.spec.suppression_list import Objectors

_CUTOFF = "penchant_cutoff"


@dataclass(frozen=True, slots=True)
class LogContext:
    """What every table of a use case on a log needs."""

    use_case: LogUseCase
    log: Log
    cutoffs: Cutoffs
    notes: tuple[DataNote, ...]
    plan: FeaturePlan
    profiles: Traits | None
    engine: FeatureEngine | None = None  # that computes features; None: the one that reads the log

    def features_at(self, cutoff: datetime) -> pl.DataFrame:
        """The feature table at a cutoff (UTC), by customer id."""
        return next(self.features_at_each([cutoff]))

    def features_at_each(
        self, cutoffs: Sequence[datetime], then: Callable[[ir.Table], ir.Table] = lambda table: table
    ) -> Iterator[pl.DataFrame]:
        """The feature tables at cutoffs (UTC), and what is `then` made of their rows, by customer id."""
        parts, count = self._parts(cutoffs, then)
        for _ in cutoffs:
            yield pl.concat(islice(parts, count))

    def features_in_parts(self, cutoff: datetime) -> Iterator[pl.DataFrame]:
        """The feature table at a cutoff (UTC) in parts, by customer id from each to the next: memory holds but one."""
        return self._parts([cutoff], lambda table: table)[0]

    def _parts(
        self, cutoffs: Sequence[datetime], then: Callable[[ir.Table], ir.Table]
    ) -> tuple[Iterator[pl.DataFrame], int]:
        """The tables of all cutoffs in parts, and how many each has.

        The cutoff is a variable of the engine, so that the SQL of many features is made but once. Another engine is
        asked for the features of all customers at each cutoff; the parts are of what it answers.
        """
        if self.engine is not None:
            return self._parts_of(self.engine, cutoffs, then)
        moment = make_timestamp(getvariable(_CUTOFF).cast("int64"))
        traits = None if self.profiles is None else as_of(self.profiles.rows, moment)
        part, ranges = self.log.encoded.parts()
        rows = then(feature_table(part, moment, self.plan, traits)).order_by(CUSTOMER_ID)
        settings = ({_CUTOFF: _microseconds(cutoff), **each} for cutoff in cutoffs for each in ranges)
        return frames(rows, settings), len(ranges)

    def _parts_of(
        self, engine: FeatureEngine, cutoffs: Sequence[datetime], then: Callable[[ir.Table], ir.Table]
    ) -> tuple[Iterator[pl.DataFrame], int]:
        """The same, computed by another engine."""
        profiles = None if self.profiles is None else self.profiles.rows
        handed = hand_over(engine, self.log.encoded, self.plan, profiles)
        part, ranges = self.log.encoded.parts()

        def tables() -> Iterator[pl.DataFrame]:
            for cutoff in cutoffs:
                features = in_part(handed.features_at(naive(cutoff)))
                yield from frames(then(part.with_ids(features)).order_by(CUSTOMER_ID), ranges)

        return tables(), len(ranges)

    def with_events(self, backend: Any, name: str, events: ir.Table) -> LogContext:
        """The same with other events in the log, decoded ones, which the engine stores under `name`."""
        encoded = encode_texts(backend, name, events, self.log.source.path, self.log.rows)
        return replace(self, log=replace(self.log, encoded=encoded))


def open_log_context(
    backend: Any,
    use_case: LogUseCase,
    before: datetime | None,
    objectors: Objectors | None = None,
    engine: FeatureEngine | None = None,
) -> LogContext:
    """The log, its cutoffs and its plan, which is settled by the events before the latest training cutoff.

    Or before the moment `before`, where that is earlier. `objectors` are in none of it.
    """
    log = open_log(backend, use_case, known_to=None if before is None else naive(before), objectors=objectors)
    cutoffs, notes = cutoffs_of(use_case, log)
    settled = naive(cutoffs.train[-1] if before is None else min(cutoffs.train[-1], before))
    plan = plan_features(use_case, log, settled)
    check_counts(use_case, log, features := log_features(plan))
    taken = [feature.name for feature in features]
    profiles = open_profiles(backend, use_case, settled, taken, objectors)
    if profiles is not None:
        out = tuple(one.column for one in profiles.sensitive if one.accepted is None and one.by == "name")
        plan = replace(plan, traits=profiles.traits, left_out_traits=out)
    return LogContext(use_case, log, cutoffs, tuple(notes), plan, profiles, engine)


def _microseconds(cutoff: datetime) -> int:
    """From 1970-01-01 to the cutoff."""
    return (naive(cutoff) - datetime(1970, 1, 1)) // timedelta(microseconds=1)
