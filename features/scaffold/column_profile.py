"""What the first rows of a file show of its columns, before anything is known about them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Literal

import polars as pl

from features.columns.expressions import slug
from features.columns.format_inference import count_form, named_month_form, time_of_day
from features.errors import DataError
from features.sources.engine import engine, frame
from features.sources.source import files_of, is_csv, open_source, reading
from features.spec.csv_dialect import dialect, first_rows
from features.spec.data_files import UnreadableError
from features.spec.numbers import Amounts, read_each, split_amount

FEW = 10  # different values up to which a column may be one of classes
_rows, _cells = 20_000, 4_000_000
_tried = 1_000  # filled cells that are read one by one
_readable = 0.95  # share of them that must be readable
_iso = re.compile(
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?( ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?))?"
)
_parts = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_first_two = r"^(\d{1,2})[/.-](\d{1,2})[/.-]"
_compact = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_about_time = re.compile(r"(^|_)(date|day|time|ts|timestamp|datetime|at|when|epoch|jour|heure|datum|moment)(_|$)")

ColumnKind = Literal["moment", "number", "text"]


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """A column by its first rows."""

    name: str
    words: str  # of its name, lower case, joined by _
    kind: ColumnKind
    cells: pl.Series  # the filled ones, as trimmed text
    rows: int  # with the blank ones
    written: str | None = None  # the form of moments that are not ISO: strptime's, or epoch_s and its like

    @property
    def day_month_ambiguous(self) -> bool:
        """Whether day and month of dates that are not ISO could as well be the other way round."""
        return "%m" in (self.written or "") and max(_largest(self.cells, 1), _largest(self.cells, 2)) in range(1, 13)

    @property
    def named_by_a_value(self) -> bool:
        """Whether the name is itself a number or a moment, as all cells are: of a file without a line of names."""
        return self.kind != "text" and _profile(pl.Series(self.name, [self.name])).kind == self.kind

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return self.cells.n_unique()

    @property
    def levels(self) -> tuple[str, ...]:
        """The different values of a column of few, the most frequent first; else none."""
        if not 1 < self.distinct <= FEW:
            return ()
        counts = self.cells.alias("level").value_counts(name="n").sort("n", "level", descending=[True, False])
        return tuple(counts["level"].to_list())

    @property
    def mostly_filled(self) -> bool:
        """Whether hardly any cell is blank."""
        return len(self.cells) >= _readable * self.rows > 0

    @property
    def has_repeats(self) -> bool:
        """Whether values come back."""
        return self.distinct < 0.99 * len(self.cells)


def profile_columns(file: Path) -> list[ColumnProfile]:
    """The columns of a file, or of a folder's first file.

    Raises:
        DataError: it cannot be read.
    """
    sample = _sample(file)
    return [_profile(sample[name]) for name in sample.columns if name.strip()]


def words_of(name: str) -> str:
    """A name's words.

    >>> words_of("CustomerID"), words_of("Date d’achat"), words_of("SALES_PRICE")
    ('customer_id', 'date_d_achat', 'sales_price')
    """
    return slug(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name))


def _sample(file: Path) -> pl.DataFrame:
    first = files_of(file)[0]
    if is_csv(first):
        try:
            written = dialect(first)
        except UnreadableError as failure:
            raise DataError(failure.file, [failure.rule]) from failure
        names = dict.fromkeys(written.columns)
        rows = first_rows(first, written, min(_rows, _cells // len(names)))
        cells = dict(zip(written.columns, zip(*rows, strict=True) if rows else repeat(()), strict=False))
        return pl.DataFrame(cells, schema=dict.fromkeys(names, pl.String))
    with engine() as backend:
        source = open_source(backend, file)
        names_inside = {f"c{index}": name for index, name in enumerate(source.columns)}
        with reading(file):
            return frame(source.table.limit(_rows)).select(*names_inside).rename(names_inside)


def _profile(cells: pl.Series) -> ColumnProfile:
    words = words_of(cells.name)
    if cells.dtype.is_nested() or cells.dtype == pl.Binary:
        return ColumnProfile(cells.name, words, "text", pl.Series(cells.name, [], dtype=pl.String), len(cells))
    texts = cells.cast(pl.String, strict=False).str.strip_chars()
    filled = texts.filter(texts != "")  # a null is not compared, and so goes too
    if cells.dtype in (pl.Date, pl.Datetime):
        return ColumnProfile(cells.name, words, "moment", filled, len(cells))
    shown = filled.head(_tried).to_list()
    if shown and _most(_iso.fullmatch(text) is not None for text in shown):
        return ColumnProfile(cells.name, words, "moment", filled, len(cells))
    if written := _written(words, filled, shown):
        return ColumnProfile(cells.name, words, "moment", filled, len(cells), written)
    number = cells.dtype.is_numeric() or (shown and _most(_is_number(text) for text in shown))
    return ColumnProfile(cells.name, words, "number" if number else "text", filled, len(cells))


def _is_number(text: str) -> bool:
    """Whether a text is a number, or an amount with its currency or percent sign."""
    parts = split_amount(text)
    if parts is None or parts.mark is None:
        return not math.isnan(read_each(text))
    return any(not math.isnan(Amounts(decimal, parts.mark).read(text)) for decimal in ".,")


def _most(there: Iterable[bool]) -> bool:
    kept = list(there)
    return sum(kept) >= _readable * len(kept)


def _largest(cells: pl.Series, place: int) -> int:
    """The largest of the first or second numbers of dates."""
    return int(cells.str.extract(_first_two, place).cast(pl.Int64, strict=False).max() or 0)  # type: ignore[arg-type]  # of integers


def _written(words: str, cells: pl.Series, shown: list[str]) -> str | None:
    """How moments are written that are not in ISO form, None where the cells are no moments."""
    if (first := _parts.match(shown[0]) if shown else None) and _most(_parts.match(text) is not None for text in shown):
        order = ("%m", "%d") if _largest(cells, 2) > 12 >= _largest(cells, 1) else ("%d", "%m")
        date = first[2].join((*order, "%Y" if len(first[4]) == 4 else "%y"))
        return date + (time_of_day(shown[0][first.end() :]) or "")
    if (
        shown
        and all(text.isdigit() for text in shown)
        and _most(_compact.fullmatch(text) is not None for text in shown)
    ):
        return "%Y%m%d"
    counts = [(text, 1) for text in shown]
    return named_month_form(counts, short_years=True) or (count_form(counts) if _about_time.search(words) else None)
