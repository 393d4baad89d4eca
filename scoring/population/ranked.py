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
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import UNSET
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
    QueryError,
    RankedCustomer,
    RankedReason,
    RankedScore,
)
from scoring.population.day_index import (
    CLUSTER,
    INDEX,
    PROFILE,
    REASONS,
    REFRESH,
    UPLIFT,
    VALUE,
    IndexFacts,
    number_of,
    read_facts,
)
from scoring.population.days import DamagedDayError, Day, days_of
from scoring.population.index_rows import hidden_rows, rows_containing

Mask = NDArray[np.bool_]
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


class DayIndex:
    """One day's index, mapped into memory as long as it is read."""

    def __init__(self, home: Path, day: Day, mark: tuple[int, ...]) -> None:
        path = day.file(INDEX)
        if path is None:
            raise DayGoneError("The day must have an index to list customers, it has none any more.")
        with pa.memory_map(str(path)) as file:
            reader = pa.ipc.open_file(file)
            self.facts: IndexFacts = read_facts(reader.schema)
            self._batch = reader.get_batch(0)
        self._names = frozenset(self._batch.schema.names)
        self.day = day
        self.as_of = day.manifest.as_of
        self.hidden = hidden_rows(home, self._batch, (str(day.folder), *mark))

    @property
    def use_cases(self) -> list[str]:
        """Those that the day was scored with."""
        return list(self.facts.use_cases)

    def page(self, query: CustomerQuery, *, limit: int = 50, after: Cursor | None = None) -> CustomersPage:
        """The next customers after a cursor, the first without one.

        Raises:
            QueryError: The query names what the day does not have.
            CursorError: The cursor is of another list or day.
        """
        listed = checksum(msgspec.json.encode(msgspec.structs.replace(query, order=query.sorted_by)).decode())
        self._check(query, after, listed)
        mask = self._mask(query)
        return self._page(mask, query, limit, after, listed)

    def search(self, contains: str, *, limit: int = 50, after: Cursor | None = None) -> CustomersPage:
        """Those whose id contains a text, in order of id. Raises as `page` does."""
        listed, query = checksum("search"), CustomerQuery()
        self._check(query, after, listed)
        mask = np.zeros(len(self._batch), np.bool_)
        mask[rows_containing(self._batch.column(CUSTOMER_ID), contains)] = True
        mask[self.hidden] = False
        return self._page(mask, query, limit, after, listed)

    def counts(self, query: CustomerQuery) -> Counts:
        """How many customers a page's filters leave, and each of their alternatives. Raises as `page` does."""
        self._check(query, None, 0)
        mask = self._mask(query)
        placed = np.bincount(
            self._column("place")[self._mask(msgspec.structs.replace(query, segment=None))],
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

    @cached_property
    def segments(self) -> list[str]:
        """The codes of the policy, and those beside them that somebody is in."""
        found = {code for place in self.facts.places for code in place.codes}
        return [*self.facts.segments, *sorted(found - set(self.facts.segments))]

    @cached_property
    def clusters(self) -> list[str]:
        """The learned clusters that somebody is in, as `habits.group_2`."""
        columns = sorted(name for name in self.facts.codes if name.endswith(CLUSTER))
        return [f"{name.removesuffix(CLUSTER)}.{code}" for name in columns for code in self.facts.codes[name]]

    def ranked(self, query: CustomerQuery) -> NDArray[np.int32]:
        """All rows of a query in its order, for lists; raises as `page` does."""
        self._check(query, None, 0)
        order = self._order(query)
        return np.asarray(order[self._mask(query)[order]], np.int32)

    def hidden_of(self, query: CustomerQuery) -> NDArray[np.int32]:
        """The rows of a query that nobody is shown; raises as `page` does."""
        self._check(query, None, 0)
        return np.asarray(self.hidden[self._filtered(query)[self.hidden]], np.int32)

    def rank(self, query: CustomerQuery, row: int) -> int:
        """A row's rank in the order of a query, from 0; a cursor goes on after it."""
        return int(self._ranks(query)[row])

    def ids(self, rows: NDArray[np.int32]) -> list[str]:
        """The ids of rows."""
        found: list[str] = self._batch.column(CUSTOMER_ID).take(pa.array(rows)).to_pylist()
        return found

    @cached_property
    def to_refresh(self) -> int | None:
        """How many have missing cells of their own data; None where the day does not say."""
        if f"{REFRESH}.rank" not in self._names:
            return None
        return int(np.count_nonzero(self._mask(CustomerQuery(order="refresh"))))

    def profiles(self, rows: NDArray[np.int32] | Sequence[int]) -> list[ProfileCells]:
        """How much of their own data is there of rows; none where the day does not say."""
        if PROFILE[0] not in self._names:
            return []
        cells = [self._column(name)[np.asarray(rows, np.int64)].tolist() for name in PROFILE[:2]]
        return [ProfileCells(missing, expected) for missing, expected in zip(*cells, strict=True)]

    @property
    def customer_ids(self) -> pa.StringArray:
        """The id of every row, where it stands."""
        return self._batch.column(CUSTOMER_ID)

    def reason_features(self, name: str) -> Counter[str]:
        """How often each feature is among the reasons of a use case, of those who are shown."""
        shown = self._mask(CustomerQuery())
        found = Counter[str]()
        for column in (one.replace("_code", "_feature") for one in self._reasons(name)):
            found.update(_counted(self._column(column)[shown], self.facts.codes[column]))
        return found

    def list_order(self, name: str) -> Order:
        """In which order a list of a use case takes customers: by uplift where the day has it, else by score."""
        return "-uplift" if self.good_uplift(name) else "-score"

    def good_uplift(self, name: str) -> Literal["higher", "lower"] | None:
        """Which uplift is worth a contact; None where the day has none of the use case."""
        known = self.facts.use_cases.get(name)
        return (known.good_uplift or None) if known else None

    def uplifts(self, name: str) -> NDArray[np.float64]:
        """What a contact adds to every row's probability; NaN where it was not scored."""
        return self._column(f"{name}.{UPLIFT}")

    def value_floors(self, name: str) -> tuple[float, ...]:
        """Where bands of value begin, rising; none where the day has no values of the use case."""
        known = self.facts.use_cases.get(name)
        return (known.value_floors or ()) if known else ()

    def values(self, name: str) -> NDArray[np.float64]:
        """What every customer will bring; NaN where they were not scored."""
        return self._column(f"{name}.{VALUE}")

    def bands(self, name: str) -> NDArray[np.object_]:
        """The code of every row's band; empty where it has none."""
        codes = np.asarray([*self.facts.codes[f"{name}_band"], ""], dtype=object)
        return np.asarray(codes[self._column(f"{name}_band")])  # -1 is the last

    def probabilities(self, name: str) -> NDArray[np.float64]:
        """Every row's probability of a use case; NaN where it has none."""
        return self._column(f"{name}_probability")

    def customers(self, rows: NDArray[np.int32] | Sequence[int]) -> list[RankedCustomer]:
        """What the index holds of rows, in their order."""
        taken = self._batch.take(pa.array(rows, pa.int32()))
        cells = {name: taken.column(name).to_pylist() for name in taken.schema.names}
        return [self._customer(cells, row) for row in range(len(taken))]

    def _check(self, query: CustomerQuery, after: Cursor | None, listed: int) -> None:
        broken: dict[str, str] = {}
        known = self.facts.use_cases.get(query.use_case or "")
        if query.use_case is not None and known is None:
            broken["use_case"] = f"Must be one of {', '.join(self.facts.use_cases)}, got another."
        if query.segment is not None and query.segment not in self.segments:
            broken["segment"] = f"Must be a segment's code ({', '.join(self.segments)}), got another."
        for name, value, codes in (
            ("band", query.band, known.bands if known else ()),
            ("reason", query.reason, known.reasons if known else ()),
        ):
            if value is not None and query.use_case is None:
                broken[name] = "Must come with a use_case, whose it is, got none."
            elif value is not None and known and value not in codes:
                broken[name] = f"Must be one of {', '.join(codes)}, got another."
        of_value = len(self.value_floors(query.use_case or ""))
        if query.cluster is not UNSET and query.cluster not in self.clusters:
            known_clusters = ", ".join(self.clusters) or "none of this day"
            broken["cluster"] = f"Must be a learned cluster ({known_clusters}), got another."
        if query.value is not UNSET and not 1 <= query.value <= of_value:
            broken["value"] = f"Must be a band of value of the use case, of which the day has {of_value}, got another."
        if query.sorted_by == "refresh":
            if self.to_refresh is None:
                broken["order"] = "Must be another: the day does not say whose data are missing."
        elif query.sorted_by == "-uplift" and known and not known.good_uplift:
            broken["order"] = "Must be another: the day has no uplift of the use case."
        elif query.sorted_by == "-value" and known and not of_value:
            broken["order"] = "Must be another: the day has no values of the use case."
        elif query.sorted_by != "customer_id" and query.use_case is None:
            broken["order"] = "Must be customer_id where there is no use_case, got an order of scores."
        if broken:
            raise QueryError(broken)
        if after is not None and (after.as_of, after.listed) != (self.as_of, listed):
            raise CursorError("A cursor must be the `next` of a page of the same list, got one of another.")

    def _column(self, name: str) -> NDArray[Any]:
        """A column of numbers, where it stands."""
        return np.asarray(self._batch.column(name).to_numpy(zero_copy_only=True))

    def _mask(self, query: CustomerQuery) -> Mask:
        """Which rows a query leaves that may be shown."""
        mask = self._filtered(query)
        mask[self.hidden] = False
        return mask

    def _filtered(self, query: CustomerQuery) -> Mask:
        """Which rows a query leaves."""
        if query.sorted_by == "refresh":
            mask = self._column(f"{REFRESH}.rank") >= 0
        elif query.use_case is None:
            mask = np.ones(len(self._batch), np.bool_)
        else:
            mask = self._equal(f"{query.use_case}_status", "scored")
        if query.segment is not None:
            within = np.array([query.segment in place.codes for place in self.facts.places], np.bool_)
            mask &= within.take(self._column("place"))
        if query.band is not None:
            mask &= self._equal(f"{query.use_case}_band", query.band)
        if query.reason is not None:
            mask &= self._with_reason(query.use_case, query.reason)
        if query.cluster is not UNSET:
            name, _, code = query.cluster.rpartition(".")
            mask &= self._equal(f"{name}{CLUSTER}", code)
        if query.value is not UNSET:
            name = query.use_case or ""
            found = np.searchsorted(np.asarray(self.value_floors(name)), self.values(name), side="right")
            mask &= found == query.value
        return mask

    def _equal(self, column: str, code: str) -> Mask:
        found: Mask = self._column(column) == number_of(self.facts.codes[column], code)
        return found

    def _with_reason(self, use_case: str | None, code: str) -> Mask:
        """Which rows have a code among their reasons."""
        found = np.zeros(len(self._batch), np.bool_)
        for column in self._reasons(use_case):
            found |= self._equal(column, code)
        return found

    def _reasons(self, use_case: str | None) -> list[str]:
        """The columns of its codes; none where the day holds reasons no more."""
        columns = [f"{use_case}_reason_{rank}_code" for rank in range(1, REASONS + 1)]
        return [column for column in columns if column in self._names]

    def _band_counts(self, query: CustomerQuery) -> dict[str, int]:
        if query.use_case is None:
            return {}
        column, bands = f"{query.use_case}_band", self.facts.use_cases[query.use_case].bands
        counts = _counted(self._column(column)[self._mask(query)], self.facts.codes[column])
        return {code: counts.get(code, 0) for code in bands}

    def _reason_counts(self, query: CustomerQuery) -> dict[str, int]:
        if query.use_case is None:
            return {}
        mask, codes = self._mask(query), self.facts.use_cases[query.use_case].reasons
        return {code: int(np.count_nonzero(mask & self._with_reason(query.use_case, code))) for code in codes}

    def _order(self, query: CustomerQuery) -> NDArray[np.int32]:
        """The rows in the order of a query."""
        if query.sorted_by == "customer_id":
            return np.arange(len(self._batch), dtype=np.int32)
        order = self._column(f"{_ranking(query)}order")
        ranked = order[: bisect_left(range(len(order)), True, key=lambda place: bool(order[place] < 0))]
        return ranked[::-1] if query.sorted_by == "score" else ranked

    def _ranks(self, query: CustomerQuery) -> NDArray[np.int32]:
        """Each row's rank in the order of a query."""
        return self._column("position" if query.sorted_by == "customer_id" else f"{_ranking(query)}rank")

    def _page(self, mask: Mask, query: CustomerQuery, limit: int, after: Cursor | None, listed: int) -> CustomersPage:
        order, ranks, start = self._order(query), self._ranks(query), 0
        if after is not None:
            sign = -1 if query.sorted_by == "score" else 1
            start = bisect_right(range(len(order)), sign * after.rank, key=lambda at: sign * int(ranks[order[at]]))
        rows = _next_rows(order, mask, start, limit + 1)
        more = Cursor(self.as_of, int(ranks[rows[limit - 1]]), listed) if len(rows) > limit else None
        shown = rows[:limit]
        return CustomersPage(int(np.count_nonzero(mask)), self.customers(shown), more, self.profiles(shown))

    def _customer(self, cells: dict[str, list[Any]], row: int) -> RankedCustomer:
        scores = {name: score for name in self.use_cases if (score := self._score(cells, row, name))}
        return RankedCustomer(cells[CUSTOMER_ID][row], self.facts.places[cells["place"][row]].segment, scores)

    def _score(self, cells: dict[str, list[Any]], row: int, name: str) -> RankedScore | None:
        status = self._text(cells, row, f"{name}_status")
        if status is None:
            return None
        serves = self.good_uplift(name) is not None
        if status != "scored":
            valued = None if self.value_floors(name) else UNSET
            return RankedScore(status, None, None, None, None, [], None if serves else UNSET, valued)
        reasons = [column.removesuffix("_code") for column in self._reasons(name) if cells[column][row] >= 0]
        return RankedScore(
            status,
            cells[f"{name}_score"][row],
            cells[f"{name}_probability"][row],
            cells[f"{name}_percentile"][row],
            self._text(cells, row, f"{name}_band"),
            [
                RankedReason(
                    str(self._text(cells, row, f"{reason}_code")),
                    str(self._text(cells, row, f"{reason}_feature")),
                    cells[f"{reason}_value"][row],
                    cells[f"{reason}_contribution"][row],
                )
                for reason in reasons
            ],
            cells[f"{name}.{UPLIFT}"][row] if serves else UNSET,
            cells[f"{name}.{VALUE}"][row] if self.value_floors(name) else UNSET,
        )

    def _text(self, cells: dict[str, list[Any]], row: int, column: str) -> str | None:
        number: int = cells[column][row]
        return None if number < 0 else self.facts.codes[column][number]


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
