"""Where customers stood on the day before a moment, as the daily run would read it: stays and entries go on from there.

A worker asks for the same parts of a day with every batch, so parts that were read are kept, up to a bound.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.spec.feature import CUSTOMER_ID
from scoring.audiences.snapshot import SegmentSnapshot
from scoring.population.days import Day, days_of
from scoring.population.partitioned import part_name, part_of
from scoring.population.write_day import part_of_day

MOST_ROWS = 200_000  # of the parts that are kept, some 100 bytes each


class DayBefore:
    """The days of a home, to one worker."""

    def __init__(self, home: Path) -> None:
        """Reads nothing yet."""
        self._home = home
        self._kept = OrderedDict[tuple[str, str, str], SegmentSnapshot]()  # by day, part and the digest of its bytes

    def of(self, customers: pa.ChunkedArray, as_of: datetime) -> SegmentSnapshot | None:
        """Where customers stood on the last day before a moment; None where there is none.

        Raises:
            PopulationError: The day is not what its run wrote.
        """
        earlier = [day for day in days_of(self._home) if day.manifest.as_of < as_of]
        if not earlier:
            return None
        numbers = sorted({part_of(customer) for customer in customers.to_pylist()})
        found = [self._part(earlier[-1], number) for number in numbers]
        wanted = customers.combine_chunks()
        rows = [part.rows.filter(pc.is_in(part.rows.column(CUSTOMER_ID), value_set=wanted)) for part in found]
        return SegmentSnapshot(found[0].facts, pa.concat_tables(rows))

    def _part(self, day: Day, number: int) -> SegmentSnapshot:
        name = part_name("part", number)
        key = day.folder.name, name, day.manifest.files.get(name, "")  # an erasure exchanges the file for another
        if (kept := self._kept.get(key)) is None:
            kept = self._kept[key] = part_of_day(day, [number], stands_alone=True)
            while len(self._kept) > 1 and sum(len(part.rows) for part in self._kept.values()) > MOST_ROWS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept
