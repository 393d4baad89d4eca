"""A log as the engine stores it: customers and types as numbers, in a file of the engine's own, compressed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from features.errors import DataError
from features.history.dictionary import CELL, TEXT, TextDictionary, build_dictionary, distinct_cells
from features.sources.engine import getvariable, store
from features.spec.feature import CUSTOMER_ID

PART = 1_000_000  # events that are worked on at a time, as far as they are not one customer's
MOST_GROUPS = 16  # files of events: a part reads one or two of them, not all; more files take longer to write
MOST_TYPES = 32_768  # that int16 can count
TYPE = "type"
_FROM, _TO = "penchant_from", "penchant_to"
_GROUP = "__group"


@dataclass(frozen=True, slots=True)
class EncodedLog:
    """Events whose customers and types are numbers, and what the numbers stand for.

    `events` has the columns of a log's events, with int32 as customer_id, int16 as type; `codes` are those of types.
    """

    events: ir.Table
    customers: TextDictionary
    types: TextDictionary
    codes: Mapping[str, int]

    def decoded(self) -> ir.Table:
        """The events with the texts of the log."""
        return self.with_ids(self.types.decode(self.events, TYPE))

    def with_ids(self, table: ir.Table) -> ir.Table:
        """A table with its customers' ids in place of their numbers."""
        return self.customers.decode(table, CUSTOMER_ID)

    def parts(self) -> tuple[EncodedLog, list[dict[str, int]]]:
        """One part for all, and the settings of the engine's variables that make it each.

        They are ranges of customers, in the order of their ids, about PART events in each.
        """
        low, high = getvariable(_FROM), getvariable(_TO)
        events, customers = int(self.events.count().execute()), self.customers.count()
        count = max(1, min(events // PART, customers))
        bounds = pairwise(customers * at // count for at in range(count + 1))
        return (
            replace(self, events=in_part(self.events), customers=self.customers.between(low, high)),
            [{_FROM: low, _TO: high} for low, high in bounds],
        )


def in_part(table: ir.Table) -> ir.Table:
    """The rows of the customers, by their numbers, of the part that the engine's variables make."""
    number = table[CUSTOMER_ID]
    return table.filter((number >= getvariable(_FROM)) & (number < getvariable(_TO)))


def encode_events(
    backend: Any,
    name: str,
    events: ir.Table,
    customers: TextDictionary,
    types: TextDictionary,
    same: Mapping[str, ir.Value],
    rows: int,
) -> EncodedLog:
    """Encoded events in a table of the engine under `name`.

    Args:
        backend: The engine.
        name: Of the table.
        events: What is stored.
        customers: What their numbers stand for.
        types: The same.
        same: Columns with one value in all rows.
        rows: About how many events there are; those of many stand in files by customer.
    """
    there, groups = events.drop(*same), min(MOST_GROUPS, rows // PART)
    if groups > 1:
        there = there.mutate(**{_GROUP: there[CUSTOMER_ID].cast("int64") * groups // max(1, customers.count())})
    stored = store(backend, name, there, _GROUP if groups > 1 else None)
    return EncodedLog(stored.mutate(**same).select(events.columns), customers, types, types.codes())


def encode_texts(backend: Any, name: str, events: ir.Table, source: Path, rows: int) -> EncodedLog:
    """The same of events whose customers and types are texts."""
    customers = build_dictionary(backend, f"{name}_customers", _as_they_are(events[CUSTOMER_ID]), "int32")
    types = type_dictionary(backend, f"{name}_types", _as_they_are(events[TYPE]), source)
    numbered = types.encode(customers.encode(events, CUSTOMER_ID, CUSTOMER_ID), TYPE, TYPE)
    return encode_events(backend, name, numbered, customers, types, {}, rows)


def type_dictionary(backend: Any, name: str, meant: ir.Table, source: Path) -> TextDictionary:
    """The dictionary of types of events.

    Raises:
        DataError: the source has more than a log can have.
    """
    kinds = int(meant[TEXT].nunique().execute())
    if kinds > MOST_TYPES:
        raise DataError(source, [f"must hold at most {MOST_TYPES:,} types of events, it holds {kinds:,}"])
    return build_dictionary(backend, name, meant, "int16")


def _as_they_are(texts: ir.Column) -> ir.Table:
    cells = distinct_cells(texts)
    return cells.mutate(**{TEXT: cells[CELL]})
