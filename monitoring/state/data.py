"""The data of a day: who was scored, what is missing, what was set aside, and how far the source reaches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.config.use_case import LogUseCase, UseCase
from features.spec.raw_events import RawEvents
from monitoring.drift.sampled_day import SampledDay
from monitoring.outcomes.source_facts import read_source
from monitoring.state.silences import usual_silence
from scoring.answers.served_release import release_of_version
from scoring.bundle.reference import bins_of
from scoring.health.health_file import DataQuality, SourceFreshness
from scoring.population.days import PARTS, Day
from scoring.population.partitioned import part_name

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
    """How far each log of a use case reaches, by the customer seen last in it; of a ready table nobody knows.

    Several logs are one source where the day's features are gone, or its model does not know which types are whose.

    Raises:
        BundleError: What scored the day is damaged.
        PopulationError: The day is not what its run wrote.
        HealthError: A file of monitoring is damaged.
    """
    if use_case.source != "log":
        return []
    if types := _types_by_log(home, use_case, day):
        files = [log.path.name for log in use_case.logs]
        return [
            _freshness(f"{name} ({file})", _days_since_types(use_case.name, kinds, day), day)
            for (name, kinds), file in zip(types.items(), files, strict=True)
        ]
    known = read_source(home, use_case.name)
    shown = ", ".join(log.path.name for log in use_case.logs)
    return [_freshness(shown, _days_since_seen(use_case, day), day, known.reaches if known else None)]


def _freshness(shown: str, ages: Floats, day: Day, reach: datetime | None = None) -> SourceFreshness:
    """Of a source by when its customers were seen last, or else by what is known of its reach."""
    if len(ages):
        reach = day.manifest.as_of - timedelta(days=float(ages.min()))
    if reach is None:
        return SourceFreshness(shown, None, None)
    age = max((day.manifest.as_of - reach).days, 0)
    return SourceFreshness(shown, reach.date().isoformat(), age, usual_silence(ages))


def _types_by_log(home: Path, use_case: LogUseCase, day: Day) -> dict[str, list[str]]:
    """The types of events that each of several logs has, by its name; none where that is not known."""
    if day.manifest.thin or len(use_case.logs) == 1:
        return {}
    served = release_of_version(home, use_case.name, day.manifest.models[use_case.name])
    stored = served.release.bundle.files.get("events.json") if served else None
    compiled: RawEvents | None = json.loads(stored) if stored else None
    found = {log["name"]: log.get("types", []) for log in compiled.get("logs", [])} if compiled else {}
    return found if any(found.values()) and [*found] == [*use_case.log_names] else {}


def _days_since_types(name: str, types: Sequence[str], day: Day) -> Floats:
    """Since the last event of some types of each customer who has any."""
    wanted = [f"days_since_{kind}" for kind in types]
    files = [file for one in range(PARTS) if (file := day.file(part_name(f"features-{name}", one)))]
    found = [_least_days(pq.read_table(file, columns=_present(file, wanted))) for file in files]
    return np.concatenate(found) if found else np.empty(0)


def _present(file: Path, wanted: Sequence[str]) -> list[str]:
    known = pq.read_schema(file).names
    return [name for name in wanted if name in known]


def _least_days(columns: pa.Table) -> Floats:
    """The smallest value of each row that has one."""
    if not columns.num_columns:
        return np.empty(0)
    least = pc.min_element_wise(*(pc.cast(column, pa.float64()) for column in columns.columns))
    return np.asarray(least.drop_null(), np.float64)


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
