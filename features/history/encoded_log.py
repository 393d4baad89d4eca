"""A log as the engine holds it: customers and types as numbers, in a file of the engine's own, compressed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from features.errors import DataError
from features.history.dictionary import CELL, TEXT, Names, cells_of, names
from features.sources.engine import getvariable, keep
from features.spec.feature import CUSTOMER_ID

PART = 1_000_000  # events that are worked on at a time, as far as they are not one customer's
MOST_TYPES = 32_768  # that int16 can count
TYPE = "type"
_FROM, _TO = "penchant_from", "penchant_to"


@dataclass(frozen=True, slots=True)
class Held:
    """Events by numbers, and what the numbers stand for.

    `events` has the columns of a log's events, with int32 as customer_id, int16 as type; `codes` are those of types.
    """

    events: ir.Table
    customers: Names
    types: Names
    codes: Mapping[str, int]

    def named(self) -> ir.Table:
        """The events with texts, as the log says them."""
        return self.with_ids(self.types.named(self.events, TYPE))

    def with_ids(self, table: ir.Table) -> ir.Table:
        """A table with its customers' ids in place of their numbers."""
        return self.customers.named(table, CUSTOMER_ID)

    def parts(self) -> tuple[Held, list[dict[str, int]]]:
        """One part for all, and the settings of the engine's variables that make it each.

        They are ranges of customers, in the order of their ids, about PART events in each.
        """
        number = self.events[CUSTOMER_ID]
        inside = (number >= getvariable(_FROM)) & (number < getvariable(_TO))
        events, customers = int(self.events.count().execute()), self.customers.count()
        count = max(1, min(events // PART, customers))
        bounds = pairwise(customers * at // count for at in range(count + 1))
        return replace(self, events=self.events.filter(inside)), [{_FROM: low, _TO: high} for low, high in bounds]


def hold(
    backend: Any, name: str, events: ir.Table, customers: Names, types: Names, same: Mapping[str, ir.Value]
) -> Held:
    """Events by numbers in a table of the engine called by `name`; `same` are columns that every row has alike."""
    rows = keep(backend, name, events.drop(*same)).mutate(**same).select(events.columns)
    return Held(rows, customers, types, types.codes())


def hold_texts(backend: Any, name: str, events: ir.Table, source: Path) -> Held:
    """The same of events whose customers and types are texts."""
    customers = names(backend, f"{name}_customers", _as_they_are(events[CUSTOMER_ID]), "int32")
    types = type_names(backend, f"{name}_types", _as_they_are(events[TYPE]), source)
    numbered = types.numbered(customers.numbered(events, CUSTOMER_ID, CUSTOMER_ID), TYPE, TYPE)
    return hold(backend, name, numbered, customers, types, {})


def type_names(backend: Any, name: str, meant: ir.Table, source: Path) -> Names:
    """The names of types of events.

    Raises:
        DataError: the source has more than a log can have.
    """
    kinds = int(meant[TEXT].nunique().execute())
    if kinds > MOST_TYPES:
        raise DataError(source, [f"must hold at most {MOST_TYPES:,} types of events, it holds {kinds:,}"])
    return names(backend, name, meant, "int16")


def _as_they_are(texts: ir.Column) -> ir.Table:
    cells = cells_of(texts)
    return cells.mutate(**{TEXT: cells[CELL]})
