"""The data of a day: who was scored, what is missing, what was set aside, and how far the source reaches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.config.use_case import LogUseCase, UseCase
from monitoring.drift.sampled_day import SampledDay
from monitoring.outcomes.source_facts import read_source
from monitoring.state.silences import usual_silence
from scoring.bundle.reference import bins_of
from scoring.health.health_file import DataQuality, SourceFreshness
from scoring.population.days import Day

FRESHNESS = "profile_freshness"  # of a day: n / (n + days since the last event), n as observed
FAR = 0.1  # how far a share of missing values lies from what was learned, to be named

Floats = NDArray[np.float64]


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
    ages = _days_since_seen(use_case, day)
    known = read_source(home, use_case.name)
    reach = known.reaches if known else None
    if len(ages):
        reach = day.manifest.as_of - timedelta(days=float(ages.min()))
    if reach is None:
        return [SourceFreshness(_shown(use_case), None, None)]
    age = max((day.manifest.as_of - reach).days, 0)
    return [SourceFreshness(_shown(use_case), reach.date().isoformat(), age, usual_silence(ages))]


def _shown(use_case: LogUseCase) -> str:
    """The log by its file, several by all of theirs."""
    return ", ".join(log.path.name for log in use_case.logs)


def _days_since_seen(use_case: LogUseCase, day: Day) -> Floats:
    """Since the last event of each customer, from the feature `freshness`, n / (n + days), n as observed."""
    columns = [
        pq.read_table(path, columns=[FRESHNESS]).column(0).drop_null()
        for path in day.parts
        if FRESHNESS in pq.read_schema(path).names
    ]
    found = np.concatenate([np.asarray(one, np.float64) for one in columns]) if columns else np.empty(0)
    return use_case.window.observation * (1 / found[found > 0] - 1)


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
