"""The data of a day: who was scored, what is missing, what was set aside, and how far the source reaches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.config.use_case import LogUseCase, UseCase
from monitoring.drift.reference import bins_of
from monitoring.drift.sampled_day import SampledDay
from monitoring.outcomes.source_facts import read_source
from scoring.health.health_file import DataQuality, SourceFreshness
from scoring.population.days import Day

FRESHNESS = "profile_freshness"  # of a day: n / (n + days since the last event), n as observed
FAR = 0.1  # how far a share of missing values lies from what was learned, to be named


def data_quality(home: Path, use_case: UseCase, day: Day, sample: SampledDay | None) -> DataQuality:
    """Of a use case's customers on a day.

    Raises:
        PopulationError: The day is not what its run wrote.
        HealthError: A file of monitoring is damaged.
    """
    status = f"{use_case.name}_status"
    scored = sum(
        int(pc.sum(pc.equal(pq.read_table(path, columns=[status]).column(0), "scored")).as_py() or 0)
        for path in day.parts
    )
    source = read_source(home, use_case.name)
    return DataQuality(
        customers=day.manifest.customers,
        scored=scored,
        rejected_rows=source.rejected if source else None,
        rejected_share=source.rejected / source.read if source and source.read else None,
        missing=dict(_missing(sample, use_case.name)) if sample else {},
    )


def source_freshness(home: Path, use_case: UseCase, day: Day) -> list[SourceFreshness]:
    """How far the log of a use case reaches, by the customer who was seen last; of a ready table nobody knows.

    Raises:
        PopulationError: The day is not what its run wrote.
        HealthError: A file of monitoring is damaged.
    """
    if use_case.source != "log":
        return []
    reach = _last_seen(use_case, day)
    known = read_source(home, use_case.name)
    if reach is None and known:
        reach = known.reaches
    if reach is None:
        return [SourceFreshness(use_case.events.path.name, None, None)]
    age = max((day.manifest.as_of - reach).days, 0)
    return [SourceFreshness(use_case.events.path.name, reach.date().isoformat(), age)]


def _last_seen(use_case: LogUseCase, day: Day) -> datetime | None:
    """The moment of the last event before the day, from the feature `freshness`, n / (n + days), n as observed."""
    freshest = [
        pc.max(pq.read_table(path, columns=[FRESHNESS]).column(0)).as_py()
        for path in day.parts
        if FRESHNESS in pq.read_schema(path).names
    ]
    known = [one for one in freshest if one]
    if not known:
        return None
    return day.manifest.as_of - timedelta(days=use_case.window.observation * (1 / max(known) - 1))


def _missing(sample: SampledDay, name: str) -> Iterator[tuple[str, float]]:
    """Numbers that are missing far more or less often than in the rows that the model was fitted on."""
    bundle, matrix = sample.live[name].release.bundle, sample.matrix(name)[sample.scored(name)]
    if not len(matrix):
        return
    position = {feature.name: place for place, feature in enumerate(bundle.features)}
    for feature, bins in bins_of(bundle).items():
        if bins.missing is not None:
            share = float(np.isnan(matrix[:, position[feature]]).mean())
            if abs(share - bins.counts[bins.missing] / bins.counts.sum()) > FAR:
                yield feature, share
