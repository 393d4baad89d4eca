"""The customers of a day by page: filtered, in order of rank or id, counted, and found by a part of an id.

Filters are masks over the columns of the day's index, which stays on the disk but for what is asked. Whoever objected
or was erased since it was written is in no page and no count.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.spec.feature import CUSTOMER_ID
from scoring.population.cursors import Cursor, CursorError, checksum
from scoring.population.customer_pages import (
    Counts,
    CustomerQuery,
    CustomersPage,
    DayGoneError,
    NoPopulationError,
    Order,
    ProfileCells,
    RankedCustomer,
)
from scoring.population.day_index import INDEX, PROFILE, REFRESH, UPLIFT, VALUE
from scoring.population.days import DamagedDayError, Day, days_of
from scoring.population.index_rows import hidden_rows, rows_containing
from scoring.population.ranking.index_columns import IndexColumns, Mask
from scoring.population.ranking.index_customers import customers_in
from scoring.population.ranking.query_filters import check_query, filtered

_BLOCK = 16_384  # rows that are looked at together for those of a page


def open_index(home: Path, as_of: datetime | None = None) -> DayIndex:
    """The index of the day in service, or of the moment that a cursor names; the day before serves for a damaged one.

    Raises:
        NoPopulationError: There is no day, or it was made before there were indexes.
        DayGoneError: The moment's day has no index any more.
        DamagedDayError: The index is not what its run wrote, nor is that of the day before.
        SuppressionError: The suppression list cannot be read.
    """
    days = days_of(home)
    if not days:
        raise NoPopulationError("A home must have a population to list customers: run `penchant run`, it has none.")
    chosen = [day for day in days if as_of is None or day.manifest.as_of == as_of]
    if not chosen or (as_of is not None and INDEX not in chosen[-1].manifest.files):
        raise DayGoneError("A cursor must be of the day in service or the one before; begin with the first page again.")
    if INDEX not in chosen[-1].manifest.files:
        raise NoPopulationError("The day must have an index to list customers: run `penchant run`, which writes it.")
    try:
        return _opened(home, chosen[-1])
    except DamagedDayError:
        if len(chosen) == 1 or INDEX not in chosen[-2].manifest.files:
            raise
        return _opened(home, chosen[-2])  # yesterday stays in service


def _opened(home: Path, day: Day) -> DayIndex:
    while True:
        before = index_mark(day)
        opened = DayIndex(home, day, before)
        if index_mark(day) == before:  # else an erasure has exchanged it between the two looks
            return opened


def index_mark(day: Day) -> tuple[int, ...]:
    """Another for other bytes of a day's index."""
    try:
        stat = (day.folder / INDEX).stat()
    except FileNotFoundError:
        raise DamagedDayError(f"{day.folder.name} must have the index that its run wrote, it is gone.") from None
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)


class DayIndex(IndexColumns):
    """One day's index, mapped into memory as long as it is read."""

    def __init__(self, home: Path, day: Day, mark: tuple[int, ...]) -> None:
        path = day.file(INDEX)
        if path is None:
            raise DayGoneError("The day must have an index to list customers, it has none any more.")
        with pa.memory_map(str(path)) as file:
            reader = pa.ipc.open_file(file)
            super().__init__(reader.schema, reader.get_batch(0))
        self.day = day
        self.as_of = day.manifest.as_of
        self.hidden = hidden_rows(home, self.batch, (str(day.folder), *mark))

    def page(self, query: CustomerQuery, *, limit: int = 50, after: Cursor | None = None) -> CustomersPage:
        """The next customers after a cursor, the first without one.

        Raises:
            QueryError: The query names what the day does not have.
            CursorError: The cursor is of another list or day.
        """
        listed = checksum(msgspec.json.encode(msgspec.structs.replace(query, order=query.sorted_by)).decode())
        self._check(query, after, listed)
        mask = self.mask(query)
        return self._page(mask, query, limit, after, listed)

    def search(self, contains: str, *, limit: int = 50, after: Cursor | None = None) -> CustomersPage:
        """Those whose id contains a text, in order of id. Raises as `page` does."""
        listed, query = checksum("search"), CustomerQuery()
        self._check(query, after, listed)
        mask = np.zeros(len(self.batch), np.bool_)
        mask[rows_containing(self.batch.column(CUSTOMER_ID), contains)] = True
        mask[self.hidden] = False
        return self._page(mask, query, limit, after, listed)

    def counts(self, query: CustomerQuery) -> Counts:
        """How many customers a page's filters leave, and each of their alternatives. Raises as `page` does."""
        check_query(self, query)
        mask = self.mask(query)
        placed = np.bincount(
            self.column("place")[self.mask(msgspec.structs.replace(query, segment=None))],
            minlength=len(self.facts.places),
        ).tolist()
        sizes = list(zip(self.facts.places, placed, strict=True))
        return Counts(
            total=int(np.count_nonzero(mask)),
            unplaced=sum(count for place, count in sizes if not place.codes),
            segments={code: sum(count for place, count in sizes if code in place.codes) for code in self.segments},
            bands=self._band_counts(msgspec.structs.replace(query, band=None)),
            reasons=self._reason_counts(msgspec.structs.replace(query, reason=None)),
        )

    def ranked(self, query: CustomerQuery) -> NDArray[np.int32]:
        """All rows of a query in its order, for lists; raises as `page` does."""
        check_query(self, query)
        order = self._order(query)
        return np.asarray(order[self.mask(query)[order]], np.int32)

    def hidden_of(self, query: CustomerQuery) -> NDArray[np.int32]:
        """The rows of a query that nobody is shown; raises as `page` does."""
        check_query(self, query)
        return np.asarray(self.hidden[filtered(self, query)[self.hidden]], np.int32)

    def rank(self, query: CustomerQuery, row: int) -> int:
        """A row's rank in the order of a query, from 0; a cursor goes on after it."""
        return int(self._ranks(query)[row])

    def ids(self, rows: NDArray[np.int32]) -> list[str]:
        """The ids of rows."""
        found: list[str] = self.batch.column(CUSTOMER_ID).take(pa.array(rows)).to_pylist()
        return found

    @cached_property
    def to_refresh(self) -> int | None:
        """How many have missing cells of their own data; None where the day does not say."""
        if not self.says_refresh:
            return None
        return int(np.count_nonzero(self.mask(CustomerQuery(order="refresh"))))

    def profiles(self, rows: NDArray[np.int32] | Sequence[int]) -> list[ProfileCells]:
        """How much of their own data is there of rows; none where the day does not say."""
        if PROFILE[0] not in self.names:
            return []
        cells = [self.column(name)[np.asarray(rows, np.int64)].tolist() for name in PROFILE[:2]]
        return [ProfileCells(missing, expected) for missing, expected in zip(*cells, strict=True)]

    @property
    def customer_ids(self) -> pa.StringArray:
        """The id of every row, where it stands."""
        return self.batch.column(CUSTOMER_ID)

    def reason_features(self, name: str) -> Counter[str]:
        """How often each feature is among the reasons of a use case, of those who are shown."""
        shown = self.mask(CustomerQuery())
        found = Counter[str]()
        for column in (one.replace("_code", "_feature") for one in self.reason_columns(name)):
            found.update(_counted(self.column(column)[shown], self.facts.codes[column]))
        return found

    def list_order(self, name: str) -> Order:
        """In which order a list of a use case takes customers: by uplift where the day has it, else by score."""
        return "-uplift" if self.good_uplift(name) else "-score"

    def customers(self, rows: NDArray[np.int32] | Sequence[int]) -> list[RankedCustomer]:
        """What the index holds of rows, in their order."""
        return customers_in(self, rows)

    def _check(self, query: CustomerQuery, after: Cursor | None, listed: int) -> None:
        check_query(self, query)
        if after is not None and (after.as_of, after.listed) != (self.as_of, listed):
            raise CursorError("A cursor must be the `next` of a page of the same list, got one of another.")

    def mask(self, query: CustomerQuery) -> Mask:
        """Which rows a query leaves that may be shown."""
        mask = filtered(self, query)
        mask[self.hidden] = False
        return mask

    def _band_counts(self, query: CustomerQuery) -> dict[str, int]:
        if query.use_case is None:
            return {}
        column, bands = f"{query.use_case}_band", self.facts.use_cases[query.use_case].bands
        counts = _counted(self.column(column)[self.mask(query)], self.facts.codes[column])
        return {code: counts.get(code, 0) for code in bands}

    def _reason_counts(self, query: CustomerQuery) -> dict[str, int]:
        if query.use_case is None:
            return {}
        mask, codes = self.mask(query), self.facts.use_cases[query.use_case].reasons
        return {code: int(np.count_nonzero(mask & self.with_reason(query.use_case, code))) for code in codes}

    def _order(self, query: CustomerQuery) -> NDArray[np.int32]:
        """The rows in the order of a query."""
        if query.sorted_by == "customer_id":
            return np.arange(len(self.batch), dtype=np.int32)
        order = self.column(f"{_ranking(query)}order")
        ranked = order[: bisect_left(range(len(order)), True, key=lambda place: bool(order[place] < 0))]
        return ranked[::-1] if query.sorted_by == "score" else ranked

    def _ranks(self, query: CustomerQuery) -> NDArray[np.int32]:
        """Each row's rank in the order of a query."""
        return self.column("position" if query.sorted_by == "customer_id" else f"{_ranking(query)}rank")

    def _page(self, mask: Mask, query: CustomerQuery, limit: int, after: Cursor | None, listed: int) -> CustomersPage:
        order, ranks, start = self._order(query), self._ranks(query), 0
        if after is not None:
            sign = -1 if query.sorted_by == "score" else 1
            start = bisect_right(range(len(order)), sign * after.rank, key=lambda at: sign * int(ranks[order[at]]))
        rows = _next_rows(order, mask, start, limit + 1)
        more = Cursor(self.as_of, int(ranks[rows[limit - 1]]), listed) if len(rows) > limit else None
        shown = rows[:limit]
        return CustomersPage(int(np.count_nonzero(mask)), self.customers(shown), more, self.profiles(shown))


def _ranking(query: CustomerQuery) -> str:
    """What the columns of a query's order begin with."""
    known = {"refresh": f"{REFRESH}.", "-uplift": f"{query.use_case}.{UPLIFT}.", "-value": f"{query.use_case}.{VALUE}."}
    return known.get(query.sorted_by, f"{query.use_case}_")


def _next_rows(order: NDArray[np.int32], mask: Mask, start: int, count: int) -> list[int]:
    """The first rows of an order from a place on that a mask leaves."""
    found: list[int] = []
    while start < len(order) and len(found) < count:
        block = order[start : start + _BLOCK]
        found += block[mask[block]].tolist()
        start += _BLOCK
    return found[:count]


def _counted(numbers: NDArray[Any], codes: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(numbers[numbers >= 0], minlength=len(codes)).tolist()
    return dict(zip(codes, counts, strict=True))
