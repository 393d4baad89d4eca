"""The feature SQL that travels in a bundle: the expression of training, compiled for raw events posted by a client."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from features.cells import AMOUNT, slug, slugs
from features.layout import Layout, Trait
from features.types import CUSTOMER_ID
from features.usecase import TypeColumn, UseCase
from features.windows import feature_table

_trait_types = {"number": "DOUBLE", "integer": "BIGINT", "boolean": "BOOLEAN", "category": "VARCHAR"}
_ibis_types = {
    "VARCHAR": "string",
    "DOUBLE": "float64",
    "BIGINT": "int64",
    "BOOLEAN": "boolean",
    "TIMESTAMP": "timestamp(6)",
    "VARCHAR[]": "array<string>",
}


def event_columns(use_case: UseCase) -> list[dict[str, str]]:
    """The columns of the table `events`, in order: the key a client posts, the column inside, its DuckDB type.

    Types and levels may be posted as the source spells them. Amounts are in the use case's currency. `ts` and `as_of`
    are UTC without zone; `as_of` is the same in all rows of a customer.
    """
    section = use_case.events
    if section is None:
        raise TypeError("A use case on a ready table has no events.")
    fixed = {CUSTOMER_ID: "VARCHAR", "ts": "TIMESTAMP", "type": "VARCHAR", "amount": "DOUBLE", "refund": "BOOLEAN"}
    columns = [{"key": name, "column": name, "type": kind} for name, kind in fixed.items()]
    columns += [{"key": name, "column": f"p{i}", "type": "VARCHAR"} for i, name in enumerate(section.properties)]
    columns += [{"key": name, "column": f"m{i}", "type": "DOUBLE"} for i, name in enumerate(section.measures)]
    return [*columns, {"key": "as_of", "column": "as_of", "type": "TIMESTAMP"}]


def trait_columns(layout: Layout) -> list[dict[str, str]]:
    """The columns of the table `traits`, one row per customer; empty where the layout has no traits.

    What is written in a way of its own says so under `written`.
    """
    if not layout.traits:
        return []
    columns = [
        {"key": trait.column, "column": trait.inside, "type": _kind(trait)}
        | ({"written": trait.written} if trait.written else {})
        for trait in layout.traits
    ]
    return [{"key": CUSTOMER_ID, "column": CUSTOMER_ID, "type": "VARCHAR"}, *columns]


def event_sql(use_case: UseCase, layout: Layout) -> str:
    """DuckDB SQL over `events` (and `traits`, where there are such columns): customer_id and the features, by id.

    The same numbers as the feature table of the same events; a customer without any event before `as_of` has no row.
    """
    events = ibis.table(_schema(event_columns(use_case)), name="events")
    constant = use_case.events.type if use_case.events else ""
    kind = slugs(events.type) if isinstance(constant, TypeColumn) else ibis.literal(slug(constant))
    measured = {name: events[name].try_cast(AMOUNT) for name in events.columns if name == "amount" or _is(name, "m")}
    levels = {name: slugs(events[name]) for name in events.columns if _is(name, "p")}
    typed = events.mutate(type=kind, **measured, **levels)
    wanted = trait_columns(layout)
    traits = _filled_in(ibis.table(_schema(wanted), name="traits")) if wanted else None
    table = feature_table(typed, typed.as_of, layout, traits)
    return str(ibis.to_sql(table.order_by(CUSTOMER_ID), dialect="duckdb"))


def raw_events(use_case: UseCase, layout: Layout) -> dict[str, Any]:
    """All that serving needs to turn raw events into features, as JSON: the SQL and the tables it reads."""
    return {
        "sql": event_sql(use_case, layout),
        "events": event_columns(use_case),
        "traits": trait_columns(layout),
        "typed": bool(use_case.events and isinstance(use_case.events.type, TypeColumn)),
    }


def _filled_in(traits: ir.Table) -> ir.Table:
    """The traits with blank texts as null, as a file of profiles is read."""
    texts = [name for name in traits.columns if traits[name].type().is_string() and name != CUSTOMER_ID]
    return traits.mutate(**{name: ibis.ifelse(traits[name].strip() == "", None, traits[name]) for name in texts})


def _is(name: str, letter: str) -> bool:
    return name[0] == letter and name[1:].isdigit()


def _kind(trait: Trait) -> str:
    if trait.kind == "date":
        return "TIMESTAMP"
    if trait.kind == "list":
        return "VARCHAR[]" if trait.separator is None else "VARCHAR"
    return _trait_types[trait.features[0].type]


def _schema(columns: list[dict[str, str]]) -> dict[str, str]:
    return {column["column"]: _ibis_types[column["type"]] for column in columns}
