"""What every table of a use case on a log needs: the log, its cutoffs, its feature plan, its profiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl

from features.config.use_case import LogUseCase
from features.history.encoded_log import encode_texts
from features.history.event_log import Log, open_log
from features.point_in_time.definitions import feature_table, log_features
from features.point_in_time.feature_plan import FeaturePlan, plan_features
from features.point_in_time.labels import Cutoffs, cutoffs_of, naive
from features.point_in_time.traits import Traits, as_of, open_profiles
from features.sources.engine import frames
from features.spec.feature import CUSTOMER_ID, DataNote
from features.spec.suppression_list import Objectors


@dataclass(frozen=True, slots=True)
class LogContext:
    """What every table of a use case on a log needs."""

    use_case: LogUseCase
    log: Log
    cutoffs: Cutoffs
    notes: tuple[DataNote, ...]
    plan: FeaturePlan
    profiles: Traits | None

    def features_at(self, cutoff: datetime, then: Callable[[ir.Table], ir.Table] = lambda table: table) -> pl.DataFrame:
        """The feature table at a cutoff (UTC), and what is `then` made of its rows, by customer id."""
        moment = ibis.literal(naive(cutoff), "timestamp(6)")
        traits = None if self.profiles is None else as_of(self.profiles.rows, moment)
        part, ranges = self.log.encoded.parts()
        rows = then(feature_table(part, moment, self.plan, traits)).order_by(CUSTOMER_ID)
        return pl.concat(frames(rows, ranges))

    def with_events(self, backend: Any, name: str, events: ir.Table) -> LogContext:
        """The same with other events in the log, decoded ones, which the engine stores under `name`."""
        encoded = encode_texts(backend, name, events, self.log.source.path)
        return replace(self, log=replace(self.log, encoded=encoded))


def open_log_context(
    backend: Any, use_case: LogUseCase, before: datetime | None, objectors: Objectors | None = None
) -> LogContext:
    """The log, its cutoffs and its plan, which is settled by the events before the latest training cutoff.

    Or before the moment `before`, where that is earlier. `objectors` are in none of it.
    """
    log = open_log(backend, use_case, known_to=None if before is None else naive(before), objectors=objectors)
    cutoffs, notes = cutoffs_of(use_case, log)
    settled = naive(cutoffs.train[-1] if before is None else min(cutoffs.train[-1], before))
    plan = plan_features(use_case, log, settled)
    taken = [feature.name for feature in log_features(plan)]
    profiles = open_profiles(backend, use_case, settled, taken, objectors)
    if profiles is not None:
        plan = replace(plan, traits=profiles.traits)
    return LogContext(use_case, log, cutoffs, tuple(notes), plan, profiles)
