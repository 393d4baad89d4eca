"""The index of a day: what a page shows of each customer, sorted by id, with the ranks of each use case beside.

`index.arrow` is one batch of Arrow's IPC format, uncompressed, so that a reader maps it into memory and touches only
the columns that a page needs. Texts that repeat are whole numbers, whose meaning stands in the file's metadata. A row
keeps its `position` and its ranks for good, also where others are taken out: a page goes on from either.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import KEY_FILE, keyed, read_key
from scoring.answers.served_release import Live

INDEX = "index.arrow"
REASONS = 3
PROFILE = ("profile_missing", "profile_expected", "profile_freshness")  # of the parts, since days have them
UPLIFT = "uplift"  # after the name and a dot: its ranks, where a release serves the effect of a contact
VALUE = "value"  # likewise: what customers will bring, where a release serves it
CLUSTER = "_cluster"  # ends the columns of learned clusters
REFRESH = "refresh"  # before `.rank` and `.order`, which no use case's name can hold
_FACTS = b"penchant_index"
_SNAPSHOT = b"penchant"  # metadata of the parts, by `scoring.audiences.snapshot`
_PLACES, _CODES = "\x1e", "\x1f"  # between segment, path and overlapping ones; between codes of either
_RANKS = ("_rank", ".rank")
_STANDS = ("segment", "segment_path", "also")
WHO_BYTES = 8  # of a customer's keyed hash: enough to find whom a list may mean, who is then looked at closely


class UseCaseCodes(msgspec.Struct, frozen=True):
    """What a use case's columns may hold, whether or not anybody has it."""

    bands: tuple[str, ...]  # rising
    reasons: tuple[str, ...]
    good_uplift: Literal["higher", "lower"] | UnsetType = UNSET  # which is worth a contact; unset where none is there
    value_floors: tuple[float, ...] | UnsetType = UNSET  # where bands of value begin, rising; unset where none is there


class SegmentPlaces(msgspec.Struct, frozen=True):
    """One way to stand in the segments: the deepest, the path to it, and the overlapping ones."""

    segment: str | None
    path: tuple[str, ...]
    also: tuple[str, ...]

    @property
    def codes(self) -> frozenset[str]:
        """Every segment that whoever stands here is in."""
        return frozenset({*self.path, *self.also})


class IndexFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the numbers of an index mean."""

    use_cases: dict[str, UseCaseCodes]
    segments: tuple[str, ...]  # of the policy, in the order their rules are asked
    places: tuple[SegmentPlaces, ...]
    codes: dict[str, tuple[str, ...]]  # by column: the text of each number; -1 is none


Integers = NDArray[np.int32]


def codes_of(live: Mapping[str, Live]) -> dict[str, UseCaseCodes]:
    """The codes of the bands and reasons of releases, by use case."""
    return {name: _codes(served) for name, served in live.items()}


def _codes(served: Live) -> UseCaseCodes:
    bundle = served.release.bundle
    families = tuple(sorted({feature.family for feature in bundle.features}))
    good: Literal["higher", "lower"] = "higher" if bundle.polarity == "positive" else "lower"
    part = bundle.manifest.value
    floors = tuple(band.floor for band in part.bands) if part else UNSET
    return UseCaseCodes(bundle.ladder.codes, families, good if served.serves_uplift else UNSET, floors)


def write_index(home: Path, folder: Path, use_cases: Mapping[str, UseCaseCodes]) -> None:
    """Writes the index of the parts in a day's folder; the same parts, and the same key of a home, give the same bytes.

    Raises:
        SuppressionError: The home's key cannot be read.
    """
    parts = sorted(folder.glob("part-*.parquet"))
    made = _Columns(parts, use_cases)
    if (home / KEY_FILE).exists():
        made.add("who", _who(read_key(home), made.columns[CUSTOMER_ID].to_pylist()))
    places = made.add_places()
    for name, codes in use_cases.items():
        made.add_use_case(name)
        made.add_uplift(name, codes.good_uplift)
        made.add_value(name, codes.value_floors)
    snapshot = json.loads((pq.read_schema(parts[0]).metadata or {})[_SNAPSHOT])
    segments = tuple(one["code"] for one in snapshot["segments"])
    made.add_clusters()
    made.add_profiles()
    known = {name: made.with_found(name, codes) for name, codes in use_cases.items()}
    facts = IndexFacts(use_cases=known, segments=segments, places=places, codes=made.codes)
    _save(pa.table(made.columns), facts, folder / INDEX)


def rewrite_index(source: Path, target: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Writes an index of some of another's rows and columns; whoever stays keeps position and ranks."""
    with pa.memory_map(str(source)) as file:
        table = pa.ipc.open_file(file).read_all()
        facts = read_facts(table.schema)
        rows = change(table).combine_chunks()
        for rank in [name for name in rows.column_names if name.endswith(_RANKS)]:
            column = rank.removesuffix("rank") + "order"
            found = pa.array(_order(rows.column(rank).to_numpy()))
            rows = rows.set_column(rows.column_names.index(column), column, found)
        _save(rows, facts, target)


def read_facts(schema: pa.Schema) -> IndexFacts:
    """What the numbers of an index mean.

    Raises:
        ValueError: It is no index of ours.
    """
    return _READ((schema.metadata or {}).get(_FACTS, b""))


def number_of(codes: Sequence[str], code: str) -> int:
    """The number that stands for a text in a column; one that no row has where the text is not among them."""
    return codes.index(code) if code in codes else -2


def place_in_list(key: bytes, customer: str) -> int:
    """The first bytes of a customer's keyed hash as a number."""
    return int.from_bytes(keyed(key, customer)[:WHO_BYTES], "big")


class _Columns:
    """The columns of an index in the making, in the order of ids; of the parts one use case is read at a time."""

    def __init__(self, parts: Sequence[Path], use_cases: Iterable[str]) -> None:
        self._clusters = sorted(name for name in pq.read_schema(parts[0]).names if name.endswith(CLUSTER))
        coded = [*self._clusters, *(f"{name}_{own}" for name in use_cases for own in _coded_columns())]
        self._parts = [pq.ParquetFile(path, read_dictionary=coded, memory_map=True) for path in parts]
        self._names = frozenset(self._parts[0].schema_arrow.names)
        self._rows = self._read([CUSTOMER_ID])
        self._order = pc.sort_indices(self._rows.column(CUSTOMER_ID))
        self.columns: dict[str, pa.Array] = {}
        self.codes: dict[str, tuple[str, ...]] = {}
        self.add(CUSTOMER_ID, self._column(CUSTOMER_ID))
        self.add("position", np.arange(len(self._order), dtype=np.int32))

    def add(self, name: str, values: pa.ChunkedArray | NDArray[Any]) -> None:
        """A column as it stands, its rows in the order of the index."""
        self.columns[name] = pa.array(values) if isinstance(values, np.ndarray) else _whole(values)

    def add_places(self) -> tuple[SegmentPlaces, ...]:
        """Where each row stands in the segments, as the number of one of the ways that there are."""
        tables = [part.read(list(_STANDS), use_threads=False) for part in self._parts]
        self._rows = pa.concat_tables([pa.table({"place": _places(table)}) for table in tables]).unify_dictionaries()
        self._coded("place", np.int32)
        return tuple(_place(text) for text in self.codes.pop("place"))

    def add_use_case(self, name: str) -> None:
        """What a page shows of a use case, the rank of each row and the row of each rank."""
        own = [*_coded_columns(), *_plain_columns()]
        self._rows = self._read([column for each in own if (column := f"{name}_{each}") in self._names])
        status = self._coded(f"{name}_status", np.int8)
        self._numbers(f"{name}_probability", f"{name}_score")
        self.add(f"{name}_percentile", self._column(f"{name}_percentile").fill_null(0).to_numpy().astype(np.int8))
        self._coded(f"{name}_band", np.int8)
        for reason in (f"{name}_reason_{rank}" for rank in range(1, REASONS + 1)):
            if f"{reason}_code" in self._rows.column_names:
                self._coded(f"{reason}_code", np.int16)
                self._coded(f"{reason}_feature", np.int16)
                self._numbers(f"{reason}_contribution")
                self.add(f"{reason}_value", self._column(f"{reason}_value"))
        scored = status == number_of(self.codes[f"{name}_status"], "scored")
        ranks = _ranks(self.columns[f"{name}_probability"].to_numpy(), scored)
        self.add(f"{name}_rank", ranks)
        self.add(f"{name}_order", _order(ranks))

    def add_uplift(self, name: str, good: Literal["higher", "lower"] | UnsetType) -> None:
        """What a contact changes for each row, and its rank, the most worth a contact first; nothing of other days."""
        if not good or f"{name}_{UPLIFT}" not in self._names:
            return
        self._rows = self._read([f"{name}_{UPLIFT}"])
        uplift = np.asarray(self._column(f"{name}_{UPLIFT}").fill_null(np.nan).to_numpy(), np.float64)
        ranks = _ranks(uplift if good == "higher" else -uplift, ~np.isnan(uplift))
        for column, values in ((UPLIFT, uplift), (f"{UPLIFT}.rank", ranks), (f"{UPLIFT}.order", _order(ranks))):
            self.add(f"{name}.{column}", values)

    def add_value(self, name: str, floors: tuple[float, ...] | UnsetType) -> None:
        """What each customer will bring, and its rank, the most first; nothing of other days."""
        if not floors or f"{name}_{VALUE}" not in self._names:
            return
        self._rows = self._read([f"{name}_{VALUE}"])
        values = np.asarray(self._column(f"{name}_{VALUE}").fill_null(np.nan).to_numpy(), np.float64)
        ranks = _ranks(values, ~np.isnan(values))
        for column, found in ((VALUE, values), (f"{VALUE}.rank", ranks), (f"{VALUE}.order", _order(ranks))):
            self.add(f"{name}.{column}", found)

    def add_clusters(self) -> None:
        """The learned cluster of each row, by segmentation; none where no segmentation was in service."""
        for name in self._clusters:
            self._rows = self._read([name])
            self._coded(name, np.int8)

    def add_profiles(self) -> None:
        """Missing and expected cells of each row, and its rank among the profiles to refresh: -1 where none is missing.

        The emptiest first, of equals the stalest, then the smaller id.
        """
        if PROFILE[0] not in self._names:
            return
        self._rows = self._read(list(PROFILE))
        missing, expected = (self._column(name).to_numpy().astype(np.int16) for name in PROFILE[:2])
        fresh = np.asarray(self._column(PROFILE[2]).fill_null(np.inf).to_numpy(), np.float64)
        rows = np.flatnonzero(missing)
        worst_first = rows[np.lexsort((fresh[rows], -missing[rows] / expected[rows]))]
        ranks = np.full(len(missing), -1, np.int32)
        ranks[worst_first] = np.arange(len(rows), dtype=np.int32)
        found = (missing, expected, ranks, _order(ranks))
        for name, values in zip((*PROFILE[:2], f"{REFRESH}.rank", f"{REFRESH}.order"), found, strict=True):
            self.add(name, values)

    def with_found(self, name: str, codes: UseCaseCodes) -> UseCaseCodes:
        """A use case's codes, and those beside them that rows have."""
        bands = [code for code in self.codes[f"{name}_band"] if code not in codes.bands]
        columns = [f"{name}_reason_{rank}_code" for rank in range(1, REASONS + 1)]
        reasons = {*codes.reasons, *(code for column in columns for code in self.codes.get(column, ()))}
        good = codes.good_uplift if f"{name}.{UPLIFT}" in self.columns else UNSET
        floors = codes.value_floors if f"{name}.{VALUE}" in self.columns else UNSET
        return UseCaseCodes((*codes.bands, *bands), tuple(sorted(reasons)), good, floors)

    def _read(self, names: list[str]) -> pa.Table:
        tables = [part.read(names, use_threads=False) for part in self._parts]
        rows: pa.Table = pa.concat_tables(tables).unify_dictionaries()
        return rows

    def _column(self, name: str) -> pa.ChunkedArray:
        column: pa.ChunkedArray = self._rows.column(name).take(self._order)
        return column

    def _numbers(self, *names: str) -> None:
        for name in names:
            self.add(name, np.asarray(self._column(name).fill_null(np.nan).to_numpy(), np.float64))

    def _coded(self, name: str, kind: type[np.signedinteger[Any]]) -> NDArray[Any]:
        """A column of texts as numbers, in the order of the texts; -1 where there is none."""
        texts = _whole(self._column(name))
        known = texts.dictionary.to_pylist()
        self.codes[name] = tuple(sorted(known))
        number = {text: place for place, text in enumerate(self.codes[name])}
        numbers = np.array([*(number[text] for text in known), -1], kind)  # the last for none
        found: NDArray[Any] = numbers[texts.indices.fill_null(-1).to_numpy()]
        self.add(name, found)
        return found


def _coded_columns() -> list[str]:
    """A use case's columns whose texts repeat."""
    reasons = [f"reason_{rank}_{own}" for rank in range(1, REASONS + 1) for own in ("code", "feature")]
    return ["status", "band", *reasons]


def _plain_columns() -> list[str]:
    """The others of a use case that the index takes."""
    reasons = [f"reason_{rank}_{own}" for rank in range(1, REASONS + 1) for own in ("contribution", "value")]
    return ["probability", "score", "percentile", *reasons]


def _places(rows: pa.Table) -> pa.ChunkedArray:
    """The ways to stand in the segments, a dictionary of texts."""
    paths = [pc.binary_join(rows.column(name), _CODES) for name in _STANDS[1:]]
    places = [column.fill_null("") for column in (rows.column(_STANDS[0]), *paths)]
    joined: pa.ChunkedArray = pc.binary_join_element_wise(*places, _PLACES).dictionary_encode()
    return joined


def _ranks(probability: NDArray[np.float64], scored: NDArray[np.bool_]) -> Integers:
    """Each row's rank from 0, the likeliest first, of equals the smaller id; -1 where it was not scored."""
    rows = np.flatnonzero(scored)
    best_first = rows[np.argsort(-probability[rows], kind="stable")]
    ranks = np.full(len(probability), -1, np.int32)
    ranks[best_first] = np.arange(len(rows), dtype=np.int32)
    return ranks


def _order(ranks: Integers) -> Integers:
    """The rows in rising order of rank, and -1 for as many as have none."""
    ranked = np.flatnonzero(ranks >= 0)
    order = np.full(len(ranks), -1, np.int32)
    order[: len(ranked)] = ranked[np.argsort(ranks[ranked], kind="stable")]
    return order


def _who(key: bytes, customers: Sequence[str]) -> NDArray[np.uint64]:
    return np.fromiter((place_in_list(key, customer) for customer in customers), np.uint64, len(customers))


def _place(text: str) -> SegmentPlaces:
    segment, path, also = text.split(_PLACES)
    codes = [tuple(filter(None, joined.split(_CODES))) for joined in (path, also)]
    return SegmentPlaces(segment or None, *codes)


def _whole(values: pa.ChunkedArray) -> pa.Array:
    whole = values.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def _save(table: pa.Table, facts: IndexFacts, target: Path) -> None:
    schema = table.schema.with_metadata({_FACTS: msgspec.json.encode(facts, order="sorted")})
    with pa.OSFile(str(target), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        writer.write_table(table.replace_schema_metadata(schema.metadata).combine_chunks())


_READ = msgspec.json.Decoder(IndexFacts).decode
