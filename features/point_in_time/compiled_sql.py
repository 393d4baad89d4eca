"""The feature SQL that travels in a bundle: the expression of training, compiled for raw events posted by a client."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir

from features.columns.expressions import AMOUNT, slug, slugs
from features.config.use_case import CurrencyColumn, Events, LogUseCase, TypeColumn
from features.history.distinct_slugs import by_normalised, with_prefix
from features.history.log_forms import LogForms
from features.history.orders import ORDER_ID
from features.history.tracking_consent import are_open, is_yes
from features.history.typed_rows import rates_of, spellings
from features.point_in_time.declared_counts import definitions_of
from features.point_in_time.definitions import feature_table
from features.point_in_time.feature_plan import FeaturePlan, Trait
from features.spec.derive.derivation import sources_of
from features.spec.feature import CUSTOMER_ID
from features.spec.numbers import POINT
from features.spec.raw_events import RawColumn, RawCurrency, RawEvents, RawLog

LOG = "log"  # the column of events, where there are several logs: the number of its own
CONSENT = "consent"  # the column of events where consent to tracking is declared
_trait_types = {"number": "DOUBLE", "integer": "BIGINT", "boolean": "BOOLEAN", "category": "VARCHAR"}
_ibis_types = {
    "VARCHAR": "string",
    "DOUBLE": "float64",
    "BIGINT": "int64",
    "BOOLEAN": "boolean",
    "TIMESTAMP": "timestamp(6)",
    "VARCHAR[]": "array<string>",
}


def event_columns(section: Events, forms: LogForms) -> list[RawColumn]:
    """The columns of a log's `events`, in order: key, the names a client may post it by, the column inside, its type.

    The names are the log's own column and the use case's name for it, where no other column in use has it. Types
    and levels may be posted as the source spells them; `equals` are the texts that mean a refund in the log's column.
    `ts` and `as_of` are UTC without zone; `as_of` is the same in all rows of a customer. `type` is DuckDB's.
    `written` says how texts of numbers and moments are written, `apart` which texts have a slug that is not their own.
    """
    columns = _table_columns([section], section.properties, section.measures)
    own = _own_columns(section)
    for column in columns:
        column["names"] = _posted_as(column, own)
        _set_forms(column, own.get(column["column"]) or "", section, forms)
    if section.refund is not None:
        refund = next(column for column in columns if column["column"] == "refund")
        refund["equals"] = spellings(section.refund.equals)
    return columns


def _table_columns(logs: Sequence[Events], properties: Sequence[str], measures: Sequence[str]) -> list[RawColumn]:
    """The columns of the table `events` that some logs share, with their keys and types alone."""
    fixed = {CUSTOMER_ID: "VARCHAR", "ts": "TIMESTAMP", "type": "VARCHAR", "amount": "DOUBLE", "refund": "BOOLEAN"}
    columns: list[RawColumn] = [{"key": name, "column": name, "type": kind} for name, kind in fixed.items()]
    columns += [{"key": name, "column": f"p{i}", "type": "VARCHAR"} for i, name in enumerate(properties)]
    columns += [{"key": name, "column": f"m{i}", "type": "DOUBLE"} for i, name in enumerate(measures)]
    if any(log.order is not None for log in logs):
        columns += [{"key": "order", "column": ORDER_ID, "type": "VARCHAR"}]
    if any(log.tracking_consent is not None for log in logs):
        columns += [{"key": "tracking_consent", "column": CONSENT, "type": "VARCHAR"}]
    return [*columns, {"key": "as_of", "column": "as_of", "type": "TIMESTAMP"}]


def _all_columns(use_case: LogUseCase) -> list[RawColumn]:
    """The columns of the table `events`, of several logs with the number of an event's own."""
    columns = _table_columns(use_case.logs, use_case.properties, use_case.measures)
    return [*columns, {"key": LOG, "column": LOG, "type": "BIGINT"}] if use_case.parts_logs else columns


def _raw_log(use_case: LogUseCase, at: int, plan: FeaturePlan) -> RawLog:
    """One of several logs; its columns inside are those of the table that all share."""
    section = use_case.logs[at]
    inside = {f"p{i}": f"p{use_case.properties.index(name)}" for i, name in enumerate(section.properties)}
    inside |= {f"m{i}": f"m{use_case.measures.index(name)}" for i, name in enumerate(section.shown_measures)}
    columns = [
        column for column in event_columns(section, plan.forms[at]) if column["column"] not in (CUSTOMER_ID, "as_of")
    ]
    for column in columns:
        column["column"] = inside.get(column["column"], column["column"])
    return {
        "name": use_case.log_names[at],
        "prefix": section.prefix,
        "only": slug(section.type) if isinstance(section.type, str) else None,
        "types": list(plan.log_types[at]),
        "events": columns,
        "id": section.id,
        "currency": _currency(section),
        "ignored": [name for name in (section.customer_id, section.id) if name is not None],
        "customer": None if any(log.links for log in use_case.logs) else section.customer_id,
    }


def _own_columns(section: Events) -> dict[str, str | None]:
    """The log's column for each column inside."""
    kind, refund = section.type, section.refund
    return {
        CUSTOMER_ID: section.customer_id,
        "ts": section.timestamp,
        "type": kind.column if isinstance(kind, TypeColumn) else None,
        "amount": section.amount,
        "refund": None if refund is None else refund.column,
        ORDER_ID: section.order,
        CONSENT: section.tracking_consent,
        **{f"p{i}": name for i, name in enumerate(section.properties)},
        **{f"m{i}": name for i, name in enumerate(section.measures)},
    }


def _set_forms(column: RawColumn, name: str, section: Events, forms: LogForms) -> None:
    """States how the texts of a column are read, where that is not plain by its type."""
    if column["type"] == "DOUBLE":
        column["written"] = forms.written.get(name, POINT)
    elif column["column"] == "ts" and section.timestamp_format is not None:
        column["written"] = section.timestamp_format
    elif apart := forms.numbered.get(name):
        column["apart"] = by_normalised(apart)


def _posted_as(column: RawColumn, own: dict[str, str | None]) -> list[str]:
    """The log's own name first, then our names that are not those of another column in use."""
    mine = own.get(column["column"])
    ours = ("timestamp", "ts") if column["column"] == "ts" else (column["key"],)
    return ([] if mine is None else [mine]) + [name for name in ours if name not in own.values()]


def _currency(section: Events) -> RawCurrency | None:
    """The log's column of currencies, and what one unit of each is worth."""
    currency = section.currency
    return {"name": currency.column, "rates": rates_of(currency)} if isinstance(currency, CurrencyColumn) else None


def trait_columns(plan: FeaturePlan) -> list[RawColumn]:
    """The columns of the table `traits`, one row per customer; empty where the plan has no traits.

    What is written in a way of its own has it under `written`.
    """
    if not plan.traits:
        return []
    return [{"key": CUSTOMER_ID, "column": CUSTOMER_ID, "type": "VARCHAR"}, *map(_trait_column, plan.traits)]


def _trait_column(trait: Trait) -> RawColumn:
    column: RawColumn = {"key": trait.column, "column": trait.inside, "type": _type_of_trait(trait)}
    if trait.written is not None:
        column["written"] = trait.written
    elif trait.kind == "plain" and trait.features[0].type in ("number", "integer"):
        column["written"] = POINT
    if trait.derived is not None:
        column["derive"] = trait.derived
    return column


def event_sql(use_case: LogUseCase, plan: FeaturePlan) -> str:
    """DuckDB SQL over `events` (and `traits`, where there are such columns): customer_id and the features, by id.

    The same numbers as the feature table of the same events; a customer without any event before `as_of` has no row.
    """
    events = ibis.table(_schema(_all_columns(use_case)), name="events")
    kind = _kind(use_case, events)
    measured = {name: events[name].try_cast(AMOUNT) for name in events.columns if name == "amount" or _is(name, "m")}
    levels = {name: slugs(events[name]) for name in events.columns if _is(name, "p")}
    orders = {name: events[name].strip().nullif("") for name in events.columns if name == ORDER_ID}
    typed = events.mutate(type=kind, **measured, **levels, **orders)
    if CONSENT in typed.columns:
        typed = typed.filter(~_asks_consent(use_case, typed) | is_yes(typed[CONSENT])).drop(CONSENT)
    if LOG in typed.columns:
        typed = typed.drop(LOG)
    wanted = trait_columns(plan)
    traits = _filled_in(ibis.table(_schema(wanted), name="traits")) if wanted else None
    table = feature_table(typed, typed.as_of, plan, traits)
    return str(ibis.to_sql(table.order_by(CUSTOMER_ID), dialect="duckdb"))


def raw_events(use_case: LogUseCase, plan: FeaturePlan) -> RawEvents:
    """All that serving needs to turn raw events into features, as JSON: the SQL and the tables it reads."""
    section, profiles, several = use_case.events, use_case.profiles, use_case.parts_logs
    about = () if profiles is None else (profiles.customer_id, profiles.valid_from, *profiles.exclude)
    about = (*about, *sources_of(trait.derived for trait in plan.traits))
    raw: RawEvents = {
        "sql": event_sql(use_case, plan),
        "events": _all_columns(use_case) if several else event_columns(section, plan.forms[0]),
        "traits": trait_columns(plan),
        "typed": not several and isinstance(section.type, TypeColumn),
        "id": None if several else section.id,
        "currency": None if several else _currency(section),
        "ignored": {
            "events": [name for name in (section.customer_id, section.id) if name is not None and not several],
            "traits": [name for name in (*about, *plan.left_out_traits) if name is not None],
        },
    }
    if several:
        raw["logs"] = [_raw_log(use_case, at, plan) for at in range(len(use_case.logs))]
    if use_case.counts:
        raw["counts"] = definitions_of(use_case)
    if plan.reactivity is not None:
        raw["reactivity"] = plan.reactivity.definition
    if use_case.fit_engagement:
        raw["engagement"] = dict(plan.engagement)
    if left_out := [one.column for one in use_case.sensitive if one.accepted is None]:
        raw["left_out"] = left_out
    return raw


def _filled_in(traits: ir.Table) -> ir.Table:
    """The traits with blank texts as null, as a file of profiles is read."""
    texts = [name for name in traits.columns if traits[name].type().is_string() and name != CUSTOMER_ID]
    return traits.mutate(**{name: ibis.ifelse(traits[name].strip() == "", None, traits[name]) for name in texts})


def _is(name: str, letter: str) -> bool:
    return name[0] == letter and name[1:].isdigit()


def _kind(use_case: LogUseCase, events: ir.Table) -> ir.Value:
    """The slug of the type of each event, after its log's name."""
    each = [
        with_prefix(
            slugs(events.type) if isinstance(log.type, TypeColumn) else ibis.literal(slug(log.type)), log.prefix
        )
        for log in use_case.logs
    ]
    if not use_case.parts_logs:
        return each[0]
    return ibis.cases(*((events[LOG] == at, kind) for at, kind in enumerate(each)))


def _asks_consent(use_case: LogUseCase, events: ir.Table) -> ir.Value:
    """Which events need consent to tracking: opens, of logs that declare where it is."""
    if not use_case.parts_logs:
        return are_open(events.type)
    asking = [
        (events[LOG] == at) & are_open(events.type, log.prefix)
        for at, log in enumerate(use_case.logs)
        if log.tracking_consent is not None
    ]
    return reduce(or_, asking)


def _type_of_trait(trait: Trait) -> str:
    if trait.kind == "date":
        return "TIMESTAMP"
    if trait.kind == "text":
        return "VARCHAR"
    if trait.kind == "list":
        return "VARCHAR[]" if trait.separator is None else "VARCHAR"
    return _trait_types[trait.features[0].type]


def _schema(columns: list[RawColumn]) -> dict[str, str]:
    return {column["column"]: _ibis_types[column["type"]] for column in columns}
