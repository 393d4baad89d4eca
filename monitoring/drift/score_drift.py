"""How the scores and segments of a day differ from those that were learned, and from those of the day before."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from monitoring.drift.distance import psi
from monitoring.drift.sampled_day import SampledDay
from scoring.bundle.reference import reference_of
from scoring.health.health_file import ScoreDrift
from scoring.population.days import Day

STEPS = 20  # equal parts of 0..1 in which the scores of two days are compared


def scores_of(day: SampledDay, name: str, before: Day | None) -> ScoreDrift:
    """Of a use case's customers today; with the day before only where it was scored too.

    Raises:
        PopulationError: The day before is not what its run wrote.
    """
    bundle, probability = day.live[name].release.bundle, day.probability(name)
    stored = reference_of(bundle).score
    learned = None
    if stored and len(stored.counts) == len(stored.edges) + 1:
        bins = np.searchsorted(stored.edges, probability, side="right")
        learned = psi(np.array(stored.counts, np.int64), np.bincount(bins, minlength=len(stored.counts)))
    compared = before is not None and name in before.manifest.models
    return ScoreDrift(
        psi=learned,
        psi_before=psi(*(_steps(one, name) for one in (before, day.day))) if before and compared else None,
        segments_before=_segment_psi(before, day.day) if before and compared else None,
        mean=float(probability.mean()) if len(probability) else None,
        average=bundle.manifest.average,
    )


def _steps(day: Day, name: str) -> NDArray[np.int64]:
    """How many of a day's customers have a probability in which step."""
    column = _column(day, f"{name}_probability").drop_null()
    return np.bincount((np.asarray(column) * STEPS).astype(np.int64).clip(max=STEPS - 1), minlength=STEPS)


def _segment_psi(before: Day, day: Day) -> float:
    first, second = (_sizes(one) for one in (before, day))
    codes = sorted({*first, *second})
    return psi(*(np.array([sizes[code] for code in codes], np.int64) for sizes in (first, second)))


def _sizes(day: Day) -> Counter[str]:
    counted = pc.value_counts(_column(day, "segment")).to_pylist()
    return Counter({str(one["values"]): one["counts"] for one in counted})


def _column(day: Day, name: str) -> pa.ChunkedArray:
    return pa.chunked_array(
        [chunk for path in day.parts for chunk in pq.read_table(path, columns=[name]).column(0).chunks],
        type=pq.read_schema(day.parts[0]).field(name).type,
    )
