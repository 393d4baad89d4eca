"""Served values counted into the bins that a model learned with, by version and day: no row is kept, nor whose it was.

An answer only leaves its encoded rows here. A thread that serves nobody counts them twice a minute, of very many a
sample, and writes the counts; monitoring holds them against what the model was fitted on.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoring.answers.scored_values import as_served
from scoring.answers.served_release import Live
from scoring.bundle.reference import BinCounts
from scoring.releases.served_counts import write_served
from serving.telemetry import logs
from serving.telemetry.metrics import SCORES, Counters

SAMPLE = 5_000  # rows of a version that are counted at a time
MOST_WAITING = 50_000  # rows that may wait to be counted; of more only the number is known
ROUND_SECONDS = 30.0  # between two counts

Floats = NDArray[np.float64]
Key = tuple[str, str, date]  # use case, version, day


class _Waiting:
    """Rows of one release that were scored since the last count."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._rows: deque[tuple[Floats, Floats]] = deque()
        self._kept = 0
        self.missed = 0  # rows that came where too many waited

    def add(self, matrix: Floats, probability: Floats) -> None:
        """Leaves rows, shape (rows, features), to be counted: this alone is done while a caller waits."""
        if self._kept < MOST_WAITING:
            self._kept += len(matrix)
            self._rows.append((matrix, probability))
        else:
            self.missed += len(matrix)

    def taken(self, random: np.random.Generator) -> tuple[Floats, Floats, Floats] | None:
        """What was given to all rows that wait, and these or a sample of them with theirs; None where none waits.

        They wait no longer.
        """
        taken = [self._rows.popleft() for _ in range(len(self._rows))]
        self._kept = 0
        if not taken:
            return None
        every = np.concatenate([scores for _, scores in taken])
        ends = np.cumsum([len(matrix) for matrix, _ in taken])
        rows = int(ends[-1])
        if rows > SAMPLE:
            drawn = random.integers(rows, size=SAMPLE)
            calls = np.searchsorted(ends, drawn, side="right")
            places = zip(calls.tolist(), (drawn - ends[calls]).tolist(), strict=True)  # counted from a call's end
            taken = [
                (matrix[place : place + 1 or None], scores[place : place + 1 or None])
                for call, place in places
                for matrix, scores in [taken[call]]
            ]
        return every, np.concatenate([matrix for matrix, _ in taken]), np.concatenate([scores for _, scores in taken])


class ServedValues:
    """What one worker has counted since it began."""

    def __init__(self, home: Path, registry: Counters | None = None) -> None:
        self._home = home
        self._registry = registry or Counters()
        self._writer = f"{os.getpid()}-{time.time_ns() // 1_000_000:x}"
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        self._counted: dict[Key, tuple[BinCounts, int]] = {}  # with the rows that were scored
        self._changed: set[Key] = set()
        self._written = time.monotonic()
        self._random = np.random.default_rng()
        self._lock = threading.Lock()  # between the rounds of the thread and the end of the worker

    def watch(self, served: Iterable[Live]) -> None:
        """Counts what these releases score from now on, and no others; those that are watched already stay so."""
        now = {(live.release.bundle.name, live.release.version): live for live in served}
        if all(live.on_scored for live in now.values()) and now.keys() == self._waiting.keys():
            return
        self.count()
        for waiting in self._waiting.values():
            waiting.live.on_scored = None
        self._waiting = {key: _Waiting(live) for key, live in now.items()}
        for waiting in self._waiting.values():
            waiting.live.on_scored = waiting.add

    def count(self) -> None:
        """Counts what waits."""
        with self._lock:
            for (name, version), waiting in list(self._waiting.items()):
                taken, missed = waiting.taken(self._random), waiting.missed
                if taken is not None:
                    every, *some = taken
                    waiting.missed -= missed
                    self._registry.observe_many(SCORES, 100 * every, (name,))
                    self._add((name, version, datetime.now(UTC).date()), waiting.live, len(every) + missed, *some)

    def flush(self, *, at_once: bool = False) -> None:
        """Where that is due counts what waits, and writes it; a disk that takes nothing costs no answer."""
        if not at_once and time.monotonic() - self._written < ROUND_SECONDS:
            return
        self.count()
        self._written = time.monotonic()
        with self._lock:
            for key in sorted(self._changed):
                try:
                    self._write(*key)
                    self._changed.discard(key)
                except OSError as error:
                    logs.write("served_counts_wait", level="error", **logs.fault(error))
            today = datetime.now(UTC).date()
            self._counted = {key: one for key, one in self._counted.items() if key in self._changed or key[2] == today}

    def _add(self, key: Key, live: Live, rows: int, matrix: Floats, probability: Floats) -> None:
        counts, before = self._counted.get(key) or (BinCounts(live.release.bundle), 0)
        self._counted[key] = counts, before + rows
        self._changed.add(key)
        counts.add(matrix, probability)

    def _write(self, name: str, version: str, day: date) -> None:
        counts, rows = self._counted[name, version, day]
        write_served(self._home, name, version, day, self._writer, as_served("http", rows, counts))
