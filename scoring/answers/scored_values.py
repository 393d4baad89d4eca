"""The values that a command scores, counted into the bins that a model learned with: no row is kept, nor any id."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoring.answers.served_release import Live
from scoring.bundle.reference import BinCounts
from scoring.releases.served_counts import Door, ServedCounts, write_served

ENOUGH = 50_000  # rows of a file to count: of a longer one that many are, evenly, and fewer of those beyond

Floats = NDArray[np.float64]


def as_served(door: Door, rows: int, counts: BinCounts) -> ServedCounts:
    """Counts as they are written; `rows` is how many were scored, of which those counted may be a sample."""
    return ServedCounts(
        door=door,
        rows=rows,
        counted=counts.rows,
        features={feature: tuple(bins.tolist()) for feature, bins in counts.features.items()},
        score=tuple(counts.score.tolist()),
    )


class BatchValues:
    """What a command scores with some releases, in whatever threads, from now on.

    `rows` is how many there will be; where that is not known they are counted ever more sparsely.
    """

    def __init__(self, live: Mapping[str, Live], rows: int | None) -> None:
        self._every = dict.fromkeys(live, max(1, (rows or 0) // ENOUGH))
        self._counted = {name: BinCounts(served.release.bundle) for name, served in live.items()}
        self._rows = dict.fromkeys(live, 0)
        self._versions = {name: served.release.version for name, served in live.items()}
        self._lock = threading.Lock()
        for name, served in live.items():
            served.on_scored = partial(self._add, name)

    def write(self, home: Path) -> None:
        """Keeps the counts as of today.

        Raises:
            OSError: The home cannot be written.
        """
        write_values(home, self._versions, self.counts())

    def counts(self) -> dict[str, ServedCounts]:
        """What was counted up to now, by use case; one without a scored row is missing."""
        return {
            name: as_served("batch", self._rows[name], counts)
            for name, counts in self._counted.items()
            if self._rows[name]
        }

    def _add(self, name: str, matrix: Floats, probability: Floats) -> None:
        with self._lock:
            self._rows[name] += len(matrix)
            every, counted = self._every[name], self._counted[name]
            counted.add(matrix[::every], probability[::every])
            if counted.rows > 2 * ENOUGH:
                self._every[name] = 2 * every


def write_values(home: Path, versions: Mapping[str, str], counts: Mapping[str, ServedCounts]) -> None:
    """Keeps counts of some use cases' versions as of today.

    Raises:
        OSError: The home cannot be written.
    """
    day, writer = datetime.now(UTC).date(), f"{os.getpid()}-{time.time_ns() // 1_000_000:x}"
    for name, found in counts.items():
        write_served(home, name, versions[name], day, writer, found)
