"""What a column of a ready table is: number, boolean, category, date, or nothing a model can use.

Each column is read as it comes and turned into one of the feature types; what was done to it is written down.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from features.columns.categories import as_category
from features.columns.expressions import slug
from features.columns.format_inference import (
    READABLE,
    AmbiguousForm,
    Counts,
    are_codes,
    find_form,
    number_form,
)
from features.columns.text_parsing import are_plain, map_distinct, parse_moments, parse_numbers
from features.spec.feature import Feature, FeatureType
from features.spec.missing import WORDS
from features.spec.moments import counted, is_moment, of_birth, whole
from features.spec.numbers import POINT, amounts

_free_text_share, _free_text_levels = 0.5, 50
_many_numbers = 0.5
_dated = r"^\d{4}([-/.]\d|-?W\d)"  # how a date begins
_largest = float(np.finfo(np.float32).max)  # beyond it a number does not fit float32
_birth = re.compile(r"(^|_)(birth(_?(day|date))?|born|dob|naissance|naiss|nee?|geburt\w*|nacimiento)(_|$)")


@dataclass(frozen=True, slots=True)
class InferredColumn:
    """A column as it is used: its cells, its feature (None where it is dropped), and what was done."""

    cells: pl.Series
    feature: Feature | None
    done: tuple[str, ...] = ()
    dropped: str | None = None
    distinct: int | None = None  # different values in the filled cells, where they were counted
    quartiles: tuple[float, float] | None = None  # of numbers, the nearest rank, where they were looked for
    unread: bool = False  # dropped because its texts can be read in several ways, or mostly in none


@dataclass(slots=True)
class _Work:
    """A column on its way."""

    cells: pl.Series
    kind: FeatureType | None = None
    done: list[str] = field(default_factory=list)
    levels: tuple[str, ...] = ()
    spellings: dict[str, str] = field(default_factory=dict)
    dropped: str | None = None
    distinct: int | None = None
    written: str | None = None
    quartiles: tuple[float, float] | None = None
    unread: bool = False
    marked: int = 0  # cells with a mark for empty, such as n/a


def read_column(cells: pl.Series, written: str | None = None) -> InferredColumn:
    """A column read as what it is; `written` says how its texts are, where that was declared.

    >>> read_column(pl.Series("age", ["31", " ", "28"])).cells.to_list()
    [31.0, None, 28.0]
    """
    work = _Work(cells)
    if written is None:
        _by_type(work)
    else:
        _read_declared(work, written)
    if work.kind is not None:
        _drop_uninformative(work)
    if work.kind is None or work.dropped:
        return InferredColumn(
            work.cells, None, tuple(work.done), work.dropped, work.distinct, work.quartiles, work.unread
        )
    unit = amounts(work.written).mark if work.written and work.kind == "number" else None
    feature = Feature(
        cells.name, work.kind, unit=unit, levels=work.levels, spellings=work.spellings, written=work.written
    )
    return InferredColumn(work.cells, feature, tuple(work.done), distinct=work.distinct, quartiles=work.quartiles)


def _by_type(work: _Work) -> None:
    kind = work.cells.dtype
    if kind == pl.Boolean:
        work.kind = "boolean"
    elif kind.is_integer():
        _integer(work)
    elif kind.is_float() or kind.is_decimal():
        _number(work, work.cells.cast(pl.Float64))
    elif kind in (pl.Date, pl.Datetime):
        work.kind, work.cells = "date", _utc(work.cells)
    elif kind == pl.Duration:
        work.done.append("a duration, taken in days")
        _number(work, work.cells.dt.total_microseconds() / 86_400e6)
    elif kind in (pl.String, pl.Categorical, pl.Enum):
        _text(work, work.cells.cast(pl.String))
    elif kind == pl.Null:
        work.dropped = "it is empty"
    else:
        work.dropped = f"a model cannot read its type, {kind}"


def _utc(cells: pl.Series) -> pl.Series:
    moments = cells.cast(pl.Datetime("us")) if cells.dtype == pl.Date else cells
    if getattr(moments.dtype, "time_zone", None) is None:
        return moments.dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    return moments.dt.convert_time_zone("UTC").dt.cast_time_unit("us")


def _integer(work: _Work) -> None:
    as_int = work.cells.cast(pl.Int64, strict=False)
    if as_int.null_count() > work.cells.null_count():
        _number(work, work.cells.cast(pl.Float64))
    else:
        work.kind, work.cells = "integer", as_int


def _number(work: _Work, numbers: pl.Series) -> None:
    """Numbers as float64; NaN, infinity and what float32 cannot hold become null."""
    kept = numbers.is_finite() & (numbers.abs() <= _largest)
    lost = int((~kept).sum())
    if lost:
        nan = int(numbers.is_nan().sum())
        work.done.append(f"{lost} values that are no finite number are null ({nan} of them NaN)")
    masked = pl.select(pl.when(kept).then(numbers).otherwise(None).alias(work.cells.name)).to_series()
    work.kind, work.cells = "number", masked


def _read_declared(work: _Work, written: str) -> None:
    """A column that was declared to be written so; one of dates, or of numbers to be amounts, is what it is."""
    kind = work.cells.dtype
    if kind.is_numeric() and counted(written):
        numbers = work.cells.cast(pl.Float64) if kind.is_decimal() else work.cells
        texts = map_distinct(numbers, whole, pl.String())
    elif kind in (pl.String, pl.Categorical, pl.Enum):
        texts = work.cells.cast(pl.String)
    else:
        _by_type(work)
        return
    filled = _filled(work, texts)
    if is_moment(written) and _birth.search(slug(str(work.cells.name))):
        written = of_birth(written)
    if filled.null_count() == filled.len():
        work.dropped = "it is empty"
    elif not _as_written(work, _without_blank_marks(work, filled), written):
        work.dropped, work.unread = f"fewer than {READABLE:.0%} of its cells are written {written!r}", True


def _text(work: _Work, texts: pl.Series) -> None:
    filled, levels = texts, texts.drop_nulls().value_counts(sort=False)
    different = levels.to_series(0)
    if not ((different == different.str.strip_chars()) & (different != "")).all():
        filled = _filled(work, texts)
        levels = filled.drop_nulls().value_counts(sort=False)
    if levels.is_empty():
        work.dropped = "it is empty"
    else:
        _of_texts(work, filled, levels)


def _of_texts(work: _Work, filled: pl.Series, levels: pl.DataFrame) -> None:
    """Numbers, dates or a category, by the form of all; what is ambiguous drops the column."""
    counts = [(text, n) for text, n in levels.iter_rows() if text.casefold() not in WORDS]
    if not counts:
        work.dropped = "it is empty"
    elif are_codes(counts):
        work.done.append("digits of which some begin with a zero: codes, no numbers")
        _categorise(work, filled, levels)
    elif not (_as_number(work, filled, counts) or work.dropped or _as_date(work, filled)):
        written = find_form(counts)
        if isinstance(written, AmbiguousForm):
            work.dropped, work.unread = written.reason, True
        elif written is None or not _as_written(work, _without_blank_marks(work, filled), written):
            _categorise(work, filled, levels)
            _tell_of_numbers(work, counts)


def _filled(work: _Work, texts: pl.Series) -> pl.Series:
    """The texts without blanks around, null where nothing is left."""
    stripped = texts.str.strip_chars()
    blank = stripped == ""
    if blanks := int(blank.sum()):
        work.done.append(f"{blanks} blank cells are null")
    return stripped.set(blank.fill_null(False), None)


def _without_blank_marks(work: _Work, texts: pl.Series) -> pl.Series:
    """The texts without those that only mark a cell as empty, in one of the usual ways; these are counted."""
    marks = texts.str.to_lowercase().is_in(sorted(WORDS))
    work.marked = int(marks.sum())
    return texts.set(marks.fill_null(False), None) if work.marked else texts


def _as_number(work: _Work, texts: pl.Series, counts: Counts) -> bool:
    """Whether the texts are numbers without a mark, by the form of all; one that is ambiguous drops the column."""
    written = POINT if are_plain(pl.Series([text for text, _ in counts])) else number_form(counts)
    if isinstance(written, AmbiguousForm):
        work.dropped, work.unread = written.reason, True
        return False
    if written is None:
        return False
    unmarked = _without_blank_marks(work, texts)
    if written != POINT:
        return _as_written(work, unmarked, written)
    return _as_read(work, unmarked, parse_numbers, "numbers kept as text", "number")


def _as_date(work: _Work, texts: pl.Series) -> bool:
    if not texts.drop_nulls().head(2000).str.contains(_dated).any():
        return False
    return _as_read(work, _without_blank_marks(work, texts), parse_moments, "dates kept as text", "date")


def _as_written(work: _Work, texts: pl.Series, written: str) -> bool:
    """Whether nearly all texts are dates or amounts written so; then they are read."""
    if is_moment(written):
        done = _as_read(work, texts, lambda cells: parse_moments(cells, written), f"dates written {written}", "date")
    else:
        action = f"amounts written {written}"
        done = _as_read(work, texts, lambda cells: parse_numbers(cells, written), action, "number")
    work.written = written if done else None
    return done


def _as_read(
    work: _Work, texts: pl.Series, read: Callable[[pl.Series], pl.Series], action: str, kind: FeatureType
) -> bool:
    """Whether nearly all texts can be read so; then they are, and `action` is noted."""
    values = read(texts)
    there, lost = texts.len() - texts.null_count(), values.null_count() - texts.null_count()
    if not there or there - lost < READABLE * there:
        return False
    work.kind, work.cells = kind, values
    work.done.append(action)
    if work.marked:
        work.done.append(f"{work.marked} cells that say they are empty are null")
    if lost:
        work.done.append(f"{lost} cells that are no {kind} are null")
    if kind == "number":
        _number(work, values)
    return True


def _categorise(work: _Work, texts: pl.Series, counts: pl.DataFrame) -> None:
    made = as_category(texts, counts)
    work.kind, work.cells, work.levels, work.spellings = "category", made.cells, made.levels, made.spellings
    work.distinct = made.distinct
    work.done += made.done


def _tell_of_numbers(work: _Work, counts: Counts) -> None:
    """Notes how many cells of a category are numbers, where they are many: others may have kept it from being one."""
    numbers = sum(n for text, n in counts if not math.isnan(amounts(POINT).read(text)))
    share = numbers / sum(n for _, n in counts)
    if _many_numbers <= share < READABLE:
        work.done.append(f"{share:.0%} of its filled cells are numbers, too few for a column of numbers")


def _drop_uninformative(work: _Work) -> None:
    """Drops what does not distinguish customers, and what identifies each of them."""
    cells, filled = work.cells, work.cells.len() - work.cells.null_count()
    if work.distinct is None:
        known = _in_order(cells) if cells.dtype.is_numeric() else cells.drop_nulls()
        work.distinct = known.n_unique()
        if cells.dtype.is_numeric() and filled:
            work.quartiles = _quartiles(known)
    distinct = work.distinct
    if not filled:
        work.dropped = "it is empty"
    elif distinct == 1 and filled == cells.len():
        work.dropped = "it is constant"
    elif work.kind == "category" and distinct > _free_text_levels and distinct > _free_text_share * filled:
        numbers = [note for note in work.done if note.endswith("a column of numbers")]
        free = f"it is free text or an identifier: {distinct} different values in {filled} filled cells"
        work.dropped, work.unread = "; ".join([free, *numbers]), bool(numbers)
    elif work.kind == "category" and not work.levels and filled == cells.len():
        work.dropped = f"none of its {distinct} levels has enough rows"
    elif cells.dtype.is_numeric() and filled == cells.len() == distinct > _free_text_levels and _consecutive(cells):
        work.dropped = "it numbers the rows"


def _in_order(cells: pl.Series) -> pl.Series:
    """The numbers there are, rising: one sorting gives how many differ, and the quartiles."""
    return pl.Series(np.sort(cells.drop_nulls().to_numpy())).set_sorted()


def _quartiles(known: pl.Series) -> tuple[float, float]:
    low, high = known.quantile(0.25), known.quantile(0.75)
    return float(low), float(high)  # type: ignore[arg-type]  # not null: there is a cell


def _consecutive(cells: pl.Series) -> bool:
    """Whether different numbers are whole and leave none out; those of a CSV file are read from text."""
    low: Any = cells.min()
    high: Any = cells.max()
    return bool(high - low + 1 == cells.len() and (cells == cells.floor()).all())
