"""How the numbers of a log are written: declared, or found once in the whole column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import ibis.expr.types as ir

from features.columns.expressions import plain_number, says_nothing
from features.columns.format_inference import AmbiguousForm, Counts, find_form, number_form
from features.config.use_case import Events, TypeColumn
from features.errors import DataError
from features.history.distinct_slugs import numbered_slugs
from features.sources.engine import frame
from features.sources.source import Source
from features.spec.moments import is_moment
from features.spec.numbers import POINT


def own_type(section: Events, name: str) -> str:
    """What a log itself may call a type that the use case names: without the log's name."""
    return name[len(section.prefix) :] if name.lower().startswith(section.prefix) else name


@dataclass(frozen=True, slots=True)
class LogForms:
    """What the whole log decides of how its columns are read."""

    written: Mapping[str, str] = field(default_factory=dict)  # how numbers kept as text are written, by column
    numbered: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # slugs that are not a text's own, by column


def log_forms(source: Source, section: Events, moment: ir.Column, label: str | None) -> LogForms:
    """How the columns of a log are read, decided by all of it; the `label` event keeps its slug.

    Raises:
        DataError: a column can be read in two ways, and no form says which.
    """
    numbered = {name: numbered_slugs(source, name, moment) for name in section.properties}
    if isinstance(section.type, TypeColumn):
        numbered[section.type.column] = numbered_slugs(source, section.type.column, moment, label)
    return LogForms(number_forms(source, section), numbered)


def number_forms(source: Source, section: Events) -> dict[str, str]:
    """By column, how the amount and the measures that are kept as text are written.

    Raises:
        DataError: a column can be read in two ways, and no form says which.
    """
    names = [name for name in (section.amount, *section.measures) if name is not None]
    _check(source, section, names)
    texts = [name for name in names if source.column(name).type().is_string()]
    return {name: section.formats.get(name) or _found(source, name) for name in texts}


def _check(source: Source, section: Events, names: list[str]) -> None:
    broken = [
        f"events.formats: {name!r} must be the amount or a measure" for name in section.formats.keys() - set(names)
    ]
    broken += [
        f"events.formats: {name!r} must be written as numbers are"
        for name in names
        if is_moment(section.formats.get(name, POINT))
    ]
    if broken:
        raise DataError(source.path, sorted(broken))


def _found(source: Source, name: str) -> str:
    """The form of a column; that of machines where it is no column of numbers, whose rows are then bad."""
    counts = _shapes(source, name)
    if counts is None:
        return POINT
    form = number_form(counts) or find_form(counts)
    if isinstance(form, AmbiguousForm):
        raise DataError(source.path, [f"column {name!r}: {form.reason.replace('`formats`', '`events.formats`')}"])
    return POINT if form is None or is_moment(form) else form


def _shapes(source: Source, name: str) -> Counts | None:
    """The texts of a column with every digit but zero as 9, and how often; None where all are as machines write them.

    How a number is written does not depend on its digits but for zeros, and of shapes there are few.
    """
    cells = source.column(name).strip()
    there = (cells.length() > 0) & ~says_nothing(cells)
    odd = source.table.filter(there & ~plain_number(cells))
    if not int(odd.count().execute()):
        return None
    shapes = source.table.filter(there).select(text=cells.re_replace("[1-9]", "9"))
    counted = frame(shapes.group_by("text").aggregate(n=shapes.count())).sort("text")
    return list(counted.select("text", "n").iter_rows())
