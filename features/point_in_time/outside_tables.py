"""Outside tables joined to the rows of profiles by a key, with what tells whether they fit them at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from features.columns.expressions import as_moment
from features.config.use_case import Enrich, LogUseCase
from features.errors import DataError, UseCaseError
from features.sources.engine import frame
from features.sources.source import FILE, ROW, Source, missing_column, open_source, reading
from features.spec.feature import normalise, slug
from features.spec.ids import read_id

_KEY, _DATE, _FIRST = "__key", "__date", "__first"


@dataclass(frozen=True, slots=True)
class Contradictions:
    """A column of an outside table beside one of the profiles that should say the same."""

    column: str
    other: str  # of the profiles
    compared: int  # rows of profiles in which both are filled
    differ: int


@dataclass(frozen=True, slots=True)
class EnrichmentFacts:
    """How an outside table fits the profiles."""

    section: Enrich
    name: str
    rows: int  # of the table
    repeated: int  # with the key of a row that is taken
    profiles: int
    keyed: int  # profiles that have a key
    matched: int
    contradictions: tuple[Contradictions, ...]
    as_of: datetime | None  # UTC without zone
    columns: tuple[str, ...]  # among the traits


@dataclass(frozen=True, slots=True)
class WidenedProfiles:
    """Rows of profiles with further columns, by the names that these have in the use case."""

    cells: pl.DataFrame  # c0.. in the order of `columns`, beside what else was there
    columns: tuple[str, ...]

    def series(self, name: str) -> pl.Series:
        """A column."""
        return self.cells[f"c{self.columns.index(name)}"].alias(name)

    def with_columns(self, more: Sequence[pl.Series]) -> WidenedProfiles:
        """The same with further columns under their names."""
        start = len(self.columns)
        added = [column.alias(f"c{start + at}") for at, column in enumerate(more)]
        return WidenedProfiles(self.cells.with_columns(added), (*self.columns, *(column.name for column in more)))


def enriched(
    backend: Any, use_case: LogUseCase, section: Enrich, rows: WidenedProfiles
) -> tuple[WidenedProfiles, EnrichmentFacts]:
    """The rows with the columns of an outside table, null where it has no such key, and how well it fits.

    Raises:
        DataError: the table cannot be read, or lacks a column.
        UseCaseError: the profiles lack the column that is joined by, or have one that it would bring.
    """
    source = open_source(backend, section.path, table=section.table)
    taken = _columns_of(source, section)
    _check(use_case, section, rows, taken)
    names = list(dict.fromkeys([section.key, *taken, *section.known]))
    table = _read(source, section, names)
    once = _latest_of_each(table, dated=section.dated is not None)
    keys = _keys(rows.series(section.joined_on))
    joined = keys.to_frame(_KEY).join(once, on=_KEY, how="left", maintain_order="left")
    matched = int(joined[_FIRST].is_not_null().sum())
    facts = EnrichmentFacts(
        section,
        section.name or section.path.name,
        len(table),
        int(table[_KEY].is_not_null().sum()) - len(once),
        len(keys),
        int(keys.is_not_null().sum()),
        matched,
        tuple(_compared(joined[one], rows.series(other)) for one, other in section.known.items()),
        _as_of(section, table),
        tuple(section.shown(name) for name in taken),
    )
    return rows.with_columns([joined[name].alias(section.shown(name)) for name in taken]), facts


def map_cells(cells: pl.Series, read: Callable[[object], str | None]) -> pl.Series:
    """Cells read each by itself, every different one once."""
    different = cells.unique()
    meant = pl.Series([None if cell is None else read(cell) for cell in different.to_list()], dtype=pl.String)
    return cells.replace_strict(different, meant, return_dtype=pl.String)


def _columns_of(source: Source, section: Enrich) -> list[str]:
    """The columns that become traits."""
    asked = [section.key, *section.columns, *section.known, *([section.dated] if section.dated else [])]
    if lacking := [missing_column(name, source.columns) for name in asked if name not in source.columns]:
        raise DataError(source.path, lacking)
    others = (section.key, section.dated, *section.known)
    return list(section.columns) or [name for name in source.columns if name not in others]


def _check(use_case: LogUseCase, section: Enrich, rows: WidenedProfiles, taken: Sequence[str]) -> None:
    key = f"enrich.{use_case.enrich.index(section)}"
    broken = [
        f"{key}.{what}: {missing_column(name, rows.columns)} of profiles"
        for what, name in (("on", section.joined_on), *(("known", name) for name in section.known.values()))
        if name not in rows.columns
    ]
    known = {name.casefold() for name in rows.columns}
    broken += [
        f"{key}.columns: {section.shown(name)!r} is a column of the profiles too; `name` stands before those it brings"
        for name in taken
        if section.shown(name).casefold() in known
    ]
    if broken:
        raise UseCaseError(use_case.file, broken)


def _read(source: Source, section: Enrich, names: Sequence[str]) -> pl.DataFrame:
    """The rows of an outside table, in their order, with the text that each key is compared by."""
    cells = {f"c{at}": source.column(name) for at, name in enumerate(names)}
    if section.dated is not None:
        moment = as_moment(source.column(section.dated), section.formats.get(section.dated))
        if moment is None:
            rule = f"column {section.dated!r} must hold dates, got {source.column(section.dated).type()}"
            raise DataError(source.path, [rule])
        cells[_DATE] = moment
    with reading(source.path):
        rows = frame(source.table.select(FILE, ROW, **cells)).sort(FILE, ROW).drop(FILE, ROW)
    rows = rows.rename({f"c{at}": name for at, name in enumerate(names)})
    return rows.with_columns(_keys(rows[section.key]).alias(_KEY), pl.lit(True).alias(_FIRST))


def _latest_of_each(table: pl.DataFrame, *, dated: bool) -> pl.DataFrame:
    """One row for each key: the latest where rows are dated, else the first."""
    there = table.filter(pl.col(_KEY).is_not_null())
    ordered = there.sort(_DATE, descending=True, nulls_last=True, maintain_order=True) if dated else there
    return ordered.unique(_KEY, keep="first", maintain_order=True)


def _keys(cells: pl.Series) -> pl.Series:
    """What keys are compared by: read as ids are, in one case."""
    return map_cells(cells, lambda cell: None if (text := read_id(cell)) is None else normalise(text))


def _compared(cells: pl.Series, own: pl.Series) -> Contradictions:
    """Where both are filled, in how many rows they say something else; case, accents and signs are no difference."""
    both = pl.DataFrame([map_cells(cells, _plain).alias("one"), map_cells(own, _plain).alias("other")]).drop_nulls()
    return Contradictions(cells.name, own.name, len(both), int((both["one"] != both["other"]).sum()))


def _plain(cell: object) -> str | None:
    text = read_id(cell)
    try:
        return None if text is None else repr(float(text))
    except ValueError:
        return slug(str(text)) or None


def _as_of(section: Enrich, table: pl.DataFrame) -> datetime | None:
    if section.dated is not None:
        latest = table[_DATE].max()
        return latest if isinstance(latest, datetime) else None
    return None if section.as_of is None else section.as_of.replace(tzinfo=None)
