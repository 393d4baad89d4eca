"""The day in service as gauges: how old it is, and how many customers of it have which status and which band."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scoring.population.days import MANIFEST, Day, PopulationError, latest_day
from serving.telemetry.health_gauges import Gauges
from serving.telemetry.metrics import DAY_AGE, DAY_BANDS, DAY_ROWS, Family

_COLUMNS = {"status": DAY_ROWS, "band": DAY_BANDS}


class DayGauges:
    """What was last counted; nothing where there is no day."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._mark: tuple[int, ...] = ()
        self._as_of: datetime | None = None
        self._counted: Gauges = {}

    def look(self) -> None:
        """Counts the latest day where it is another, or was written anew; where it cannot be read nothing is known."""
        day = None
        with suppress(PopulationError, OSError):
            day = latest_day(self._home)
        mark = _mark(day)
        if mark == self._mark:
            return
        self._mark, self._as_of, self._counted = mark, None, {}
        if day is not None:
            with suppress(PopulationError, OSError, pa.ArrowException):
                self._counted = dict(_counts(day))
                self._as_of = day.manifest.as_of

    def now(self, at: datetime | None = None) -> Gauges:
        """The gauges as they stand at a moment, which is this one."""
        if self._as_of is None:
            return {}
        return {**self._counted, (DAY_AGE, ()): ((at or datetime.now(UTC)) - self._as_of).total_seconds()}


def _counts(day: Day) -> Iterator[tuple[tuple[Family, tuple[str, ...]], float]]:
    """Customers by status and by band of each use case."""
    names = {f"{name}_{kind}": (name, family) for name in day.manifest.models for kind, family in _COLUMNS.items()}
    tables = [pq.read_table(part, columns=list(names)) for part in day.parts]
    for column, (name, family) in names.items() if tables else ():
        found = pa.chunked_array([chunk for table in tables for chunk in table[column].cast(pa.string()).chunks])
        for one in pc.value_counts(found).to_pylist():
            if one["values"] is not None:
                yield (family, (name, one["values"])), float(one["counts"])


def _mark(day: Day | None) -> tuple[int, ...]:
    if day is None:
        return ()
    try:
        stat = (day.folder / MANIFEST).stat()
    except OSError:
        return ()
    return (stat.st_ino, stat.st_mtime_ns, stat.st_size)
