"""A log as it is used: one typed row per event, bad rows counted and set aside, exact duplicates of an id removed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pai
import polars as pl
from pandera.errors import SchemaError, SchemaErrors

from features.columns.expressions import AMOUNT, as_amount, as_moment, as_text, as_written_moment, filled, slug, slugs
from features.config.use_case import CurrencyColumn, Events, RefundRule, Scalar, TypeColumn, UseCase
from features.errors import DataError
from features.history.dictionary import CELL, TEXT, TextDictionary, build_dictionary, distinct_cells
from features.history.encoded_log import TYPE, EncodedLog, encode_events, type_dictionary
from features.history.identities import accepted_links, merged
from features.history.log_span import LogSpan, find_log_span
from features.sources.engine import frame
from features.sources.rejected_rows import BROKEN, BadRows, bad_rows, reject_too_many
from features.sources.source import FILE, ROW, Source, open_source, reading

_copy, _customer, _kind = "__copy", "__customer", "__kind"
LATE = "late_timestamp"  # after a long silence, with few others
_or_a_form = "or events.timestamp_format must say how it is written"
_types = {
    "customer_id": dt.Int32(),  # numbers of texts
    "ts": dt.Timestamp(scale=6),
    "type": dt.Int16(),
    "amount": AMOUNT,
    "refund": dt.Boolean(),
}


@dataclass(frozen=True, slots=True)
class Log:
    """The events of a use case.

    `decoded`: customer_id (text), ts (UTC timestamp without zone), type (slug), amount (DECIMAL(18,4)),
    refund (boolean), p0.. (properties as slugs), m0.. (measures, DECIMAL(18,4)); `encoded` has numbers for the texts.
    """

    encoded: EncodedLog
    first: datetime  # of the first and the last event that are not misdated, UTC without zone
    last: datetime
    rows: int
    duplicates: int  # rows removed because another has the same id and content
    bad: BadRows
    source: Source
    span: LogSpan

    @property
    def decoded(self) -> ir.Table:
        """The events with the texts of customers and types."""
        return self.encoded.decoded()


def open_log(backend: Any, use_case: UseCase, *, known_to: datetime | None = None) -> Log:
    """The log of a use case, checked and stored by the engine.

    Events that seem misdated because they follow a long silence are bad rows, but for those before `known_to` (UTC,
    without zone), a moment at which features are asked for.

    Raises:
        DataError: a column is not there or of a type that cannot serve, or too many rows are bad.
    """
    section = use_case.events
    if section is None:
        raise TypeError("A use case on a ready table has no log.")
    source = open_source(backend, section.path, table=section.table)
    with reading(source.path):
        customers, types = _customers(backend, source, section), _types_of(backend, source, section)
        typed, duplicates = _typed(_with_codes(source, section, customers, types), section), 0
        rows = int(source.table.count().execute())
        if section.id is not None:
            marked = backend.create_table("penchant_marked", typed, temp=True)
            duplicates = int(marked.count(where=marked[_copy] > 0).execute())
            typed = marked.filter(marked[_copy] == 0).drop(_copy)
        encoded = _encoded(backend, typed, section, customers, types)
        counts = _counted(typed, encoded.events, rows - duplicates)
        span = _span_of(source, typed, counts, use_case)
        if span.late:
            bound = max(span.end, known_to or span.end)
            late = typed[BROKEN].isnull() & (typed.ts >= bound)
            typed = typed.mutate(**{BROKEN: ibis.ifelse(late, LATE, typed[BROKEN])})
            encoded = replace(encoded, events=encoded.events.filter(encoded.events.ts < bound))
            counts = _by_day(typed)
        bad = bad_rows(source, typed, counts)
        reject_too_many(source, bad, use_case.quality.bad_rows, _columns_of_rules(section))
    events = encoded.events
    inside = (events.ts >= span.start) & (events.ts < span.end)
    extent = events.aggregate(first=events.ts.min(where=inside), last=events.ts.max(where=inside), rows=events.count())
    first, last, rows = frame(extent).row(0)
    _check(source, events)
    return Log(encoded, first, last, rows, duplicates, bad, source, span)


def _counted(typed: ir.Table, encoded: ir.Table, rows: int) -> pl.DataFrame:
    """The `rows` by rule broken, if any, and day; the source is read again only where a row was not stored."""
    good = encoded.group_by(day=encoded.ts.date()).aggregate(n=encoded.count())
    counts = frame(good.mutate(**{BROKEN: ibis.null("string")}).select(BROKEN, "day", "n"))
    return counts if rows == counts["n"].sum() else _by_day(typed)


def _span_of(source: Source, typed: ir.Table, counts: pl.DataFrame, use_case: UseCase) -> LogSpan:
    """Where the log begins and ends, by its good rows.

    Raises:
        DataError: no row is an event.
    """
    window = use_case.window
    if window is None:
        raise TypeError("A log has windows.")
    awaited = window.gap + window.prediction
    vouched = window.test_cutoff and window.test_cutoff.replace(tzinfo=None) + timedelta(days=awaited)
    good = counts.filter(pl.col(BROKEN).is_null())
    if good.is_empty():
        bad = bad_rows(source, typed, counts)
        columns = _columns_of_rules(use_case.events) if use_case.events else {}
        reject_too_many(source, bad, use_case.quality.bad_rows, columns)
        raise DataError(source.path, ["must hold at least one readable event, it holds none"])
    return find_log_span(good, observation=window.observation, awaited=awaited, known_to=vouched)


def _by_day(typed: ir.Table) -> pl.DataFrame:
    """The rows by rule broken, if any, and day: __broken, day, n."""
    return frame(typed.group_by(BROKEN, day=typed.ts.date()).aggregate(n=typed.count()))


def _columns_of_rules(section: Events) -> dict[str, str | None]:
    """The column each rule is about."""
    kind, currency = section.type, section.currency
    return {
        "missing_customer_id": section.customer_id,
        "missing_timestamp": section.timestamp,
        "unreadable_timestamp": section.timestamp,
        LATE: section.timestamp,
        "missing_type": kind.column if isinstance(kind, TypeColumn) else None,
        "unknown_currency": currency.column if isinstance(currency, CurrencyColumn) else None,
    }


def _customers(backend: Any, source: Source, section: Events) -> TextDictionary:
    """The ids of the customers, each merged one as the id it becomes."""
    cells = distinct_cells(source.column(section.customer_id))
    meant = cells.mutate(**{TEXT: as_text(cells[CELL])})
    links = accepted_links(backend, section.links)
    return build_dictionary(backend, "penchant_customers", merged(backend, meant, TEXT, links), "int32")


def _types_of(backend: Any, source: Source, section: Events) -> TextDictionary:
    """The slugs of the types."""
    if isinstance(section.type, TypeColumn):
        cells = distinct_cells(source.column(section.type.column))
        meant = cells.mutate(**{TEXT: slugs(as_text(cells[CELL]))})
    else:
        row = pl.DataFrame(
            {CELL: [section.type], TEXT: [slug(section.type) or None]}, schema=[(CELL, pl.String), (TEXT, pl.String)]
        )
        meant = backend.create_table("penchant_type", row.to_arrow(), temp=True, overwrite=True)
    return type_dictionary(backend, "penchant_types", meant, section.path)


def _with_codes(source: Source, section: Events, customers: TextDictionary, types: TextDictionary) -> Source:
    """The source with the numbers of customers and types as further columns."""
    table = customers.encode(source.table, source.inside(section.customer_id), _customer)
    if isinstance(section.type, TypeColumn):
        return replace(source, table=types.encode(table, source.inside(section.type.column), _kind))
    only = ibis.literal(0, "int16") if slug(section.type) else ibis.null("int16")
    return replace(source, table=table.mutate(**{_kind: only}))


def _encoded(
    backend: Any, typed: ir.Table, section: Events, customers: TextDictionary, types: TextDictionary
) -> EncodedLog:
    """The good rows."""
    same: dict[str, ir.Value] = {}
    if isinstance(section.type, str):
        same[TYPE] = ibis.literal(0, "int16")
    if section.refund is None:
        same["refund"] = ibis.literal(False)
    if section.amount is None:
        same["amount"] = ibis.null(AMOUNT)
    good = typed.filter(typed[BROKEN].isnull()).drop(BROKEN, FILE, ROW)
    return encode_events(backend, "penchant", good, customers, types, same)


def event_schema(events: ir.Table) -> pai.DataFrameSchema:
    """What every stored log must be: the columns' types, and what may not be null."""
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
    """Every row of a source with numbers typed, with the rule it broke, if any, in `__broken`."""
    customer = source.table[_customer]
    moment = _moment(source, section)
    kind = source.table[_kind]
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
    columns[BROKEN] = ibis.cases(*[(broken, rule) for rule, broken in rules], else_=ibis.null("string"))
    if section.id is not None:
        columns[_copy] = _copies(source, section.id)
    return source.table.select(**columns, **{FILE: source.table[FILE], ROW: source.table[ROW]})


def _moment(source: Source, section: Events) -> ir.Column:
    cells = source.column(section.timestamp)
    if section.timestamp_format is None:
        return _needed(source, section.timestamp, as_moment(cells), f"a date or a datetime, {_or_a_form}")
    if not (cells.type().is_string() or cells.type().is_numeric()):
        rule = f"column {section.timestamp!r} must hold text or numbers with timestamp_format, got {cells.type()}"
        raise DataError(source.path, [rule])
    return as_written_moment(cells, section.timestamp_format)


def _copies(source: Source, identity: str) -> ir.Value:
    """0 for the first of the rows with the same id and content, 1 and on for its copies; without an id none is one."""
    cells = [source.table[f"c{index}"] for index in range(len(source.columns))]
    window = ibis.window(group_by=cells, order_by=[source.table[FILE], source.table[ROW]])
    return ibis.ifelse(filled(source.column(identity)), ibis.row_number().over(window), 0)


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
    rates = rates_of(currency)
    rate = ibis.cases(*[(code == name, ibis.literal(value, "float64")) for name, value in rates.items()])
    rules.append(("unknown_currency", amount.notnull() & rate.isnull()))
    return ibis.ifelse(rate == 1.0, amount, (amount.cast("float64") * rate).try_cast(AMOUNT))


def rates_of(currency: CurrencyColumn) -> dict[str, float]:
    """By code in capitals, what one unit is worth in the currency of the use case."""
    return {name.strip().upper(): rate for name, rate in currency.rates.items()} | {currency.to.upper(): 1.0}


def _is_refund(source: Source, rule: RefundRule | None) -> ir.Value:
    if rule is None:
        return ibis.literal(False)
    cells = as_text(source.column(rule.column)).strip().lower()
    return cells.isin(spellings(rule.equals)).fill_null(False)


def spellings(value: Scalar) -> list[str]:
    """How a value may stand in a column, as lower-case text."""
    if isinstance(value, bool):
        return ["true", "t", "yes", "y", "1"] if value else ["false", "f", "no", "n", "0"]
    if isinstance(value, int | float):
        return [str(int(value)) if value == int(value) else str(value)]
    return [str(value).strip().lower()]
