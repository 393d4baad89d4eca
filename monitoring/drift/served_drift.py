"""What was scored over HTTP and in batches lately, beside what the model was fitted on: by counts in bins alone."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from monitoring.drift.distance import psi
from scoring.bundle.reference import Bins, bins_of, reference_of
from scoring.health.health_file import ServedDrift
from scoring.releases.served_counts import Door, ServedCounts, read_served, served_days
from scoring.releases.store import Release

LATELY = timedelta(days=7)  # that are taken together, up to the day and what came on it
FEWEST = 200  # rows: an index of fewer is mostly chance


def served_drift(home: Path, release: Release, until: date) -> tuple[ServedDrift, ...]:
    """By door, the drift of what a version scored in the week until a day; none by which nothing came.

    Raises:
        BundleError: A file of counts is damaged.
    """
    name, version = release.bundle.name, release.version
    days = [day for day in served_days(home, name, version) if until - LATELY < day <= until]
    bins, stored = bins_of(release.bundle), reference_of(release.bundle).score
    learned = stored.counts if stored else ()
    found = read_served(home, name, version, days)
    return tuple(_drift(door, counts, days, bins, learned) for door, counts in sorted(found.items()))


def _drift(
    door: Door, counts: ServedCounts, days: list[date], bins: dict[str, Bins], learned: tuple[int, ...]
) -> ServedDrift:
    enough = counts.counted >= FEWEST
    indexes = {
        name: psi(one.counts, np.asarray(counts.features[name], np.int64))
        for name, one in bins.items()
        if enough and len(counts.features.get(name, ())) == len(one.counts)
    }
    scores = enough and len(learned) == len(counts.score)
    return ServedDrift(
        door=door,
        first=days[0].isoformat(),
        last=days[-1].isoformat(),
        rows=counts.rows,
        counted=counts.counted,
        psi=dict(sorted(indexes.items(), key=lambda one: (-one[1], one[0]))),
        score_psi=psi(np.asarray(learned, np.int64), np.asarray(counts.score, np.int64)) if scores else None,
    )
