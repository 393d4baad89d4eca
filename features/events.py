"""A log as it is used: one typed row per event, bad rows counted and set aside, exact duplicates of an id removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pai
import polars as pl
from pandera.errors import SchemaError, SchemaErrors

from features.cells import AMOUNT, as_amount, as_moment, as_text, filled, slugs
from features.engine import frame
from features.errors import DataError
from features.links import accepted_links, merge_events
from features.sources import FILE, ROW, Source, open_source
from features.usecase import Events, RefundRule, Scalar, TypeColumn, UseCase

_broken, _copy = "__broken", "__copy"
_types = {
    "customer_id": dt.String(),
    "ts": dt.Timestamp(scale=6),
    "type": dt.String(),
    "amount": AMOUNT,
    "refund": dt.Boolean(),
}


@dataclass(frozen=True, slots=True)
class BadRows:
    """Rows of a source that broke a rule: how many each, and the rows themselves with file, row number and rule."""

    read: int
    rules: Mapping[str, int]
    rows: pl.DataFrame  # __file, __row, rule, then the cells as they were, under the file's own names

    @property
    def total(self) -> int:
        """How many rows were set aside."""
        return sum(self.rules.values())

    def to_json(self) -> dict[str, Any]:
        """As the data report gives it."""
        share = self.total / self.read if self.read else 0.0
        return {"read": self.read, "total": self.total, "share": share, "rules": dict(self.rules)}


@dataclass(frozen=True, slots=True)
class Log:
    """The events of a use case.

    `events`: customer_id (text), ts (UTC timestamp without zone), type (slug), amount (DECIMAL(18,4)),
    refund (boolean), p0.. (properties as slugs), m0.. (measures, DECIMAL(18,4)).
    """

    events: ir.Table
    first: datetime  # of the first and the last event, UTC without zone
    last: datetime
    rows: int
    duplicates: int  # rows removed because another has the same id and content
    bad: BadRows
    source: Source


def open_log(backend: Any, use_case: UseCase) -> Log:
    """The log of a use case, checked and held by the engine.

    Raises:
        DataError: a column is not there or of a type that cannot serve, or too many rows are bad.
    """
    section = use_case.events
    if section is None:
        raise TypeError("A use case on a ready table has no log.")
    source = open_source(backend, section.path, table=section.table)
    typed, duplicates = merge_events(backend, _typed(source, section), accepted_links(backend, section.links)), 0
    if section.id is not None:
        marked = backend.create_table("penchant_marked", typed, temp=True)
        duplicates = int(marked.count(where=marked[_copy] > 0).execute())
        typed = marked.filter(marked[_copy] == 0).drop(_copy)
    bad = bad_rows(source, typed)
    refuse_too_many(source, bad, use_case.quality.bad_rows)
    events = _held(backend, typed, section)
    span = events.aggregate(first=events.ts.min(), last=events.ts.max(), rows=events.count())
    first, last, rows = frame(span).row(0)
    if not rows:
        raise DataError(source.path, ["must hold at least one readable event"])
    _check(source, events)
    return Log(events, first, last, rows, duplicates, bad, source)


def _held(backend: Any, typed: ir.Table, section: Events) -> ir.Table:
    """The good rows as a table of the engine; what is the same in every row takes no place in it."""
    same: dict[str, ir.Value] = {}
    if isinstance(section.type, str):
        same["type"] = slugs(ibis.literal(section.type))
    if section.refund is None:
        same["refund"] = ibis.literal(False)
    if section.amount is None:
        same["amount"] = ibis.null(AMOUNT)
    good = typed.filter(typed[_broken].isnull()).drop(_broken, FILE, ROW)
    return backend.create_table("penchant_events", good.drop(*same), temp=True).mutate(**same).select(good.columns)


def event_schema(events: ir.Table) -> pai.DataFrameSchema:
    """What every normalised log must be: the columns' types, and what may not be null."""
    optional = {name: AMOUNT if name.startswith("m") else dt.String() for name in events.columns if name not in _types}
    columns = {
        name: pai.Column(kind, nullable=name not in ("customer_id", "ts", "type", "refund"))
        for name, kind in {**_types, **optional}.items()
    }
    return pai.DataFrameSchema(columns, strict=True)


def _check(source: Source, events: ir.Table) -> None:
    try:
        event_schema(events).validate(events, lazy=True)
    except (SchemaError, SchemaErrors) as failure:
        raise DataError(source.path, [f"its events break the schema: {type(failure).__name__}"]) from failure


def _typed(source: Source, section: Events) -> ir.Table:
    """Every row typed, with the rule it broke, if any, in `__broken`."""
    customer = as_text(source.column(section.customer_id))
    moment = _needed(source, section.timestamp, as_moment(source.column(section.timestamp)), "a date or a datetime")
    kind = _event_type(source, section)
    columns: dict[str, ir.Value] = {"customer_id": customer, "ts": moment, "type": kind}
    rules = [
        ("missing_customer_id", customer.isnull()),
        ("missing_timestamp", ~filled(source.column(section.timestamp))),
        ("unreadable_timestamp", moment.isnull()),
        ("missing_type", kind.isnull()),
    ]
    columns["amount"] = ibis.null(AMOUNT)
    if section.amount is not None:
        amount = _number(source, section.amount, rules)
        columns["amount"] = _in_one_currency(source, section, amount, rules)
    columns["refund"] = _is_refund(source, section.refund)
    for index, name in enumerate(section.properties):
        columns[f"p{index}"] = slugs(as_text(source.column(name)))
    for index, name in enumerate(section.measures):
        columns[f"m{index}"] = _number(source, name, rules)
    columns[_broken] = ibis.cases(*[(broken, rule) for rule, broken in rules], else_=ibis.null("string"))
    if section.id is not None:
        columns[_copy] = _copies(source, section.id)
    return source.table.select(**columns, **{FILE: source.table[FILE], ROW: source.table[ROW]})


def _copies(source: Source, identity: str) -> ir.Value:
    """0 for the first of the rows with the same id and content, 1 and on for its copies; without an id none is one."""
    cells = [source.table[f"c{index}"] for index in range(len(source.columns))]
    window = ibis.window(group_by=cells, order_by=[source.table[FILE], source.table[ROW]])
    return ibis.ifelse(filled(source.column(identity)), ibis.row_number().over(window), 0)


def _event_type(source: Source, section: Events) -> ir.Value:
    if isinstance(section.type, TypeColumn):
        return slugs(as_text(source.column(section.type.column)))
    return slugs(ibis.literal(section.type))


def _needed(source: Source, name: str, cells: ir.Column | None, what: str) -> ir.Column:
    if cells is None:
        raise DataError(source.path, [f"column {name!r} must hold {what}, got {source.column(name).type()}"])
    return cells


def _number(source: Source, name: str, rules: list[tuple[str, ir.Value]]) -> ir.Column:
    """A column as DECIMAL(18,4), and the rule that what is filled in must be a number."""
    number = _needed(source, name, as_amount(source.column(name)), "numbers")
    rules.append((f"unreadable_number in {name!r}", filled(source.column(name)) & number.isnull()))
    return number


def _in_one_currency(
    source: Source, section: Events, amount: ir.Column, rules: list[tuple[str, ir.Value]]
) -> ir.Column:
    currency = section.currency
    if currency is None or isinstance(currency, str):
        return amount
    code = as_text(source.column(currency.column)).strip().upper()
    rates = {name.strip().upper(): rate for name, rate in currency.rates.items()} | {currency.to.upper(): 1.0}
    rate = ibis.cases(*[(code == name, ibis.literal(value, "float64")) for name, value in rates.items()])
    rules.append(("unknown_currency", amount.notnull() & rate.isnull()))
    return ibis.ifelse(rate == 1.0, amount, (amount.cast("float64") * rate).try_cast(AMOUNT))


def _is_refund(source: Source, rule: RefundRule | None) -> ir.Value:
    if rule is None:
        return ibis.literal(False)
    cells = as_text(source.column(rule.column)).strip().lower()
    return cells.isin(_spellings(rule.equals)).fill_null(False)


def _spellings(value: Scalar) -> list[str]:
    """How a value may stand in a column, as lower-case text."""
    if isinstance(value, bool):
        return ["true", "t", "yes", "y", "1"] if value else ["false", "f", "no", "n", "0"]
    if isinstance(value, int | float):
        return [str(int(value)) if value == int(value) else str(value)]
    return [str(value).strip().lower()]


def bad_rows(source: Source, held: ir.Table) -> BadRows:
    """The rows of a typed table with a broken rule, counted and fetched."""
    counted = frame(held.group_by(_broken).aggregate(n=held.count()))
    rules = {rule: n for rule, n in counted.iter_rows() if rule is not None}
    for _, _, rule in source.ragged:
        rules[rule] = rules.get(rule, 0) + 1
    read = int(counted["n"].sum()) + len(source.ragged)
    return BadRows(read, dict(sorted(rules.items())), _as_they_were(source, held) if rules else pl.DataFrame())


def _as_they_were(source: Source, held: ir.Table) -> pl.DataFrame:
    """The bad rows' cells as text, with where they stood and the rule they broke."""
    broken = held.filter(held[_broken].notnull()).select(FILE, ROW, rule=_broken)
    cells = source.table.mutate(**{f"c{i}": source.table[f"c{i}"].cast("string") for i in range(len(source.columns))})
    found = frame(broken.inner_join(cells, [FILE, ROW]).order_by([FILE, ROW]))
    taken = (FILE, ROW, "rule")
    found = found.rename({f"c{i}": f"{name}_" if name in taken else name for i, name in enumerate(source.columns)})
    ragged = pl.DataFrame(source.ragged, schema={FILE: pl.String, ROW: pl.Int64, "rule": pl.String}, orient="row")
    return pl.concat([found.cast({ROW: pl.Int64}), ragged], how="diagonal")


def bad_rows_of(source: Source, cells: pl.DataFrame) -> BadRows:
    """The same of a frame of `c0`.. with the rule each row broke, if any, in `__broken`."""
    taken = (FILE, ROW, "rule")
    names = {f"c{i}": f"{name}_" if name in taken else name for i, name in enumerate(source.columns)}
    broken = cells.filter(pl.col(_broken).is_not_null()).select(
        FILE, pl.col(ROW).cast(pl.Int64), pl.col(_broken).alias("rule"), *names
    )
    ragged = pl.DataFrame(source.ragged, schema={FILE: pl.String, ROW: pl.Int64, "rule": pl.String}, orient="row")
    rows = pl.concat([broken.rename(names), ragged], how="diagonal")
    counts = dict(sorted(rows["rule"].value_counts().iter_rows()))
    return BadRows(len(cells) + len(ragged), counts, rows)


def refuse_too_many(source: Source, bad: BadRows, tolerated: float) -> None:
    """Stops where the share of bad rows exceeds what is tolerated.

    Raises:
        DataError: with the count of each rule and the first rows that broke it.
    """
    if bad.total <= tolerated * bad.read:
        return
    lines = [
        f"{rule}: {count} rows, first at {_places(bad.rows.filter(pl.col('rule') == rule))}"
        for rule, count in bad.rules.items()
    ]
    arrived = f"{bad.total} of {bad.read} ({bad.total / bad.read:.1%})"
    share = f"at most {tolerated:.1%} of the rows may be bad, got {arrived}"
    raise DataError(source.path, [share, *lines])


def _places(rows: pl.DataFrame) -> str:
    first = rows.head(3).select(FILE, ROW).iter_rows()
    return ", ".join(f"row {row} of {file}" for file, row in first)
