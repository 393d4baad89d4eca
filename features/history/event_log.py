"""A log as it is used: one typed row per event, bad rows counted and set aside, exact duplicates of an id removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pai
import polars as pl
from pandera.errors import SchemaError, SchemaErrors

from features.columns.expressions import AMOUNT, as_id, as_text, slug
from features.config.use_case import CurrencyColumn, Events, LogUseCase, TypeColumn
from features.errors import DataError
from features.history.dictionary import CELL, TEXT, TextDictionary, build_dictionary, distinct_cells
from features.history.distinct_slugs import apart, with_prefix
from features.history.encoded_log import TYPE, EncodedLog, encode_events, type_dictionary
from features.history.identities import accepted_links, barred_among, merged
from features.history.joined_logs import joined_events
from features.history.log_forms import LogForms, log_forms, own_type
from features.history.log_span import LogSpan, find_log_span
from features.history.tracking_consent import is_open, is_yes
from features.history.typed_rows import COPY, CUSTOMER, KIND, moment_of, typed_rows
from features.sources.engine import frame
from features.sources.rejected_rows import BROKEN, GUEST, BadRows, bad_rows, reject_too_many, together
from features.sources.source import FILE, ROW, Source, open_source, reading
from features.spec.ids import zero_names_guests
from features.spec.suppression_list import Objectors

LATE = "late_timestamp"  # after a long silence, with few others
_types = {
    "customer_id": dt.Int32(),  # numbers of texts
    "ts": dt.Timestamp(scale=6),
    "type": dt.Int16(),
    "amount": AMOUNT,
    "refund": dt.Boolean(),
}


@dataclass(frozen=True, slots=True)
class Log:
    """The events of a use case, of one log or of several together.

    `decoded`: customer_id (text), ts (UTC timestamp without zone), type (slug), amount (DECIMAL(18,4)),
    refund (boolean), p0.. (properties as slugs), m0.. (measures, DECIMAL(18,4)); `encoded` has numbers for the texts.
    """

    encoded: EncodedLog
    first: datetime  # of the first and the last event that are not misdated, UTC without zone; of several logs those
    last: datetime  # of the one that has the label's events
    rows: int
    duplicates: int  # rows removed because another has the same id and content
    bad: BadRows
    source: Source
    section: Events
    span: LogSpan
    forms: LogForms
    barred: frozenset[str] = frozenset()  # customers of the source who objected or were erased, left out
    barred_rows: int = 0
    untracked: int = 0  # opens without consent, left out
    each: tuple[Log, ...] = ()  # of several logs, every one by itself, in the order of the use case

    @property
    def logs(self) -> tuple[Log, ...]:
        """Every log by itself."""
        return self.each or (self,)

    def of(self, kind: str) -> Log:
        """The log that has events of a type; this where none has."""
        return next((log for log in self.logs if kind in log.encoded.codes), self)

    @property
    def decoded(self) -> ir.Table:
        """The events with the texts of customers and types."""
        return self.encoded.decoded()


def open_log(
    backend: Any, use_case: LogUseCase, *, known_to: datetime | None = None, objectors: Objectors | None = None
) -> Log:
    """The logs of a use case, checked and stored by the engine, without the events of `objectors`.

    Events that seem misdated because they follow a long silence are bad rows, but for those before `known_to` (UTC,
    without zone), a moment at which features are asked for.

    Raises:
        DataError: a column is not there or of a type that cannot serve, too many rows are bad, or two logs have a type
            of events in common.
    """
    links = accepted_links(backend, *(section.links for section in use_case.logs))
    logs = [
        _open_one(backend, use_case, section, links, f"penchant_{at}" if at else "penchant", known_to, objectors)
        for at, section in enumerate(use_case.logs)
    ]
    return logs[0] if len(logs) == 1 else _joined(backend, use_case, logs)


def _joined(backend: Any, use_case: LogUseCase, logs: Sequence[Log]) -> Log:
    """Several logs as one: where it begins and ends says the one that has the label's events."""
    target = slug(use_case.label.event)
    asked = next((log for log in logs if target in log.encoded.codes), logs[0])
    rows = sum(log.rows for log in logs)
    return replace(
        asked,
        encoded=joined_events(backend, use_case, [log.encoded for log in logs], rows),
        rows=rows,
        duplicates=sum(log.duplicates for log in logs),
        bad=together([log.bad for log in logs]),
        barred=frozenset().union(*(log.barred for log in logs)),
        barred_rows=sum(log.barred_rows for log in logs),
        untracked=sum(log.untracked for log in logs),
        each=tuple(logs),
    )


def _open_one(
    backend: Any,
    use_case: LogUseCase,
    section: Events,
    links: Mapping[str, str],
    name: str,
    known_to: datetime | None,
    objectors: Objectors | None,
) -> Log:
    """One of the logs, its events stored under a name."""
    source = open_source(backend, section.path, table=section.table)
    with reading(source.path):
        forms = log_forms(source, section, moment_of(source, section), own_type(section, use_case.label.event))
        customers = _customers(backend, name, source, section, links)
        types = _types_of(backend, name, source, section, forms)
        barred = barred_among(customers.known(), objectors, links) if objectors else frozenset[str]()
        coded, barred_rows = _without(_with_codes(source, section, customers, types), customers, barred)
        coded, untracked = _with_consent(coded, section, types)
        typed, duplicates = typed_rows(coded, section, forms), 0
        rows = int(source.table.count().execute()) - barred_rows - untracked
        if section.id is not None:
            marked = backend.create_table(f"{name}_marked", typed, temp=True)
            duplicates = int(marked.count(where=marked[COPY] > 0).execute())
            typed = marked.filter(marked[COPY] == 0).drop(COPY)
        encoded = _encoded(backend, name, typed, section, customers, types, rows)
        counts = _counted(typed, encoded.events, rows - duplicates)
        span = _span_of(source, section, typed, counts, use_case)
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
    found = (encoded, first, last, rows, duplicates, bad, source, section, span, forms)
    return Log(*found, barred, barred_rows, untracked)


def _counted(typed: ir.Table, encoded: ir.Table, rows: int) -> pl.DataFrame:
    """The `rows` by rule broken, if any, and day; the source is read again only where a row was not stored."""
    good = encoded.group_by(day=encoded.ts.date()).aggregate(n=encoded.count())
    counts = frame(good.mutate(**{BROKEN: ibis.null("string")}).select(BROKEN, "day", "n"))
    return counts if rows == counts["n"].sum() else _by_day(typed)


def _span_of(source: Source, section: Events, typed: ir.Table, counts: pl.DataFrame, use_case: LogUseCase) -> LogSpan:
    """Where the log begins and ends, by its good rows.

    Raises:
        DataError: no row is an event.
    """
    window = use_case.window
    awaited = window.gap + window.prediction
    vouched = window.test_cutoff and window.test_cutoff.replace(tzinfo=None) + timedelta(days=awaited)
    good = counts.filter(pl.col(BROKEN).is_null())
    if good.is_empty():
        bad = bad_rows(source, typed, counts)
        reject_too_many(source, bad, use_case.quality.bad_rows, _columns_of_rules(section))
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
        GUEST: section.customer_id,
        "missing_timestamp": section.timestamp,
        "unreadable_timestamp": section.timestamp,
        LATE: section.timestamp,
        "missing_type": kind.column if isinstance(kind, TypeColumn) else None,
        "unknown_currency": currency.column if isinstance(currency, CurrencyColumn) else None,
    }


def _without(coded: Source, customers: TextDictionary, barred: frozenset[str]) -> tuple[Source, int]:
    """A source with codes without the rows of some customers, and how many these are."""
    if not barred:
        return coded, 0
    theirs = customers.numbers(barred)
    is_theirs = coded.table[CUSTOMER] == theirs[theirs.columns[0]]
    rows = int(coded.table.semi_join(theirs, is_theirs).count().execute())
    return replace(coded, table=coded.table.anti_join(theirs, is_theirs)), rows


def _with_consent(coded: Source, section: Events, types: TextDictionary) -> tuple[Source, int]:
    """A source with codes without the opens that nobody consented to have tracked, and how many these are."""
    opens = [code for kind, code in types.codes().items() if is_open(kind, section.prefix)]
    if section.tracking_consent is None or not opens:
        return coded, 0
    is_one = coded.table[KIND].isin(opens).fill_null(False) & ~is_yes(coded.column(section.tracking_consent))
    return replace(coded, table=coded.table.filter(~is_one)), int(coded.table.filter(is_one).count().execute())


def _customers(backend: Any, name: str, source: Source, section: Events, links: Mapping[str, str]) -> TextDictionary:
    """The ids of the customers, each merged one as the id it becomes."""
    cells = distinct_cells(source.column(section.customer_id))
    meant = cells.mutate(**{TEXT: as_id(cells[CELL])})
    customers = build_dictionary(backend, f"{name}_customers", merged(backend, meant, TEXT, links), "int32")
    return customers.without(["0"]) if _zero_names_guests(source, section, customers) else customers


def _zero_names_guests(source: Source, section: Events, customers: TextDictionary) -> bool:
    """Whether the customer 0 is all guests together; rows are counted only where there is one."""
    known = dict(frame(customers.texts.filter(customers.texts[TEXT].isin(["0", "1"]))).iter_rows())
    if "0" not in known:
        return False
    column = source.column(section.customer_id).name(CELL).as_table()
    cells = customers.encode(column.group_by(CELL).aggregate(n=column.count()), CELL, CUSTOMER)
    counts = frame(cells.group_by(CUSTOMER).aggregate(n=cells["n"].sum())).drop_nulls(CUSTOMER)
    rows, is_zero = pl.col("n"), pl.col(CUSTOMER) == known["0"]
    most = counts.select(zero=rows.filter(is_zero).max(), other=rows.filter(~is_zero).max()).fill_null(0)
    return zero_names_guests(*most.row(0), numbered="1" in known)


def _types_of(backend: Any, name: str, source: Source, section: Events, forms: LogForms) -> TextDictionary:
    """The slugs of the types, after the log's name."""
    if isinstance(section.type, TypeColumn):
        cells = distinct_cells(source.column(section.type.column))
        kind = apart(as_text(cells[CELL]), forms.numbered[section.type.column])
        meant = cells.mutate(**{TEXT: with_prefix(kind, section.prefix)})
    else:
        own = slug(section.type)
        text = section.prefix + own if own else None
        row = pl.DataFrame({CELL: [section.type], TEXT: [text]}, schema=[(CELL, pl.String), (TEXT, pl.String)])
        meant = backend.create_table(f"{name}_type", row.to_arrow(), temp=True, overwrite=True)
    return type_dictionary(backend, f"{name}_types", meant, section.path)


def _with_codes(source: Source, section: Events, customers: TextDictionary, types: TextDictionary) -> Source:
    """The source with the numbers of customers and types as further columns."""
    table = customers.encode(source.table, source.inside(section.customer_id), CUSTOMER)
    if isinstance(section.type, TypeColumn):
        return replace(source, table=types.encode(table, source.inside(section.type.column), KIND))
    only = ibis.literal(0, "int16") if slug(section.type) else ibis.null("int16")
    return replace(source, table=table.mutate(**{KIND: only}))


def _encoded(
    backend: Any,
    name: str,
    typed: ir.Table,
    section: Events,
    customers: TextDictionary,
    types: TextDictionary,
    rows: int,
) -> EncodedLog:
    """The good ones of so many rows, stored under a name."""
    same: dict[str, ir.Value] = {}
    if isinstance(section.type, str):
        same[TYPE] = ibis.literal(0, "int16")
    if section.refund is None:
        same["refund"] = ibis.literal(False)
    if section.amount is None:
        same["amount"] = ibis.null(AMOUNT)
    good = typed.filter(typed[BROKEN].isnull()).drop(BROKEN, FILE, ROW)
    return encode_events(backend, name, good, customers, types, same, rows)


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
