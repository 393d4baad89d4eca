"""What the days hold of single customers: their latest features, scores and segment day by day, and their consent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec
import pyarrow.parquet as pq

from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import objectors_of
from scoring.population.customer_history import Cell, CustomerConsent, CustomerHistory, KeptDay, KeptScore
from scoring.population.days import Day, days_of
from scoring.population.home_contacts import contacts_of
from scoring.population.partitioned import part_name, part_of

_OWN = ("status", "score", "probability", "percentile", "band", "version")
Row = dict[str, Cell | datetime | date]


def histories(home: Path, customers: Sequence[str]) -> list[CustomerHistory]:
    """What the days hold of some customers, in the order asked.

    Raises:
        PopulationError: A day is not what a run writes.
        SuppressionError: The suppression list cannot be read.
        ContactsUnreadableError: The contacts cannot be read.
    """
    objectors = objectors_of(home)
    shown = set(customers) - (objectors.among(customers) if objectors else frozenset())
    days = days_of(home)
    by_day: dict[str, list[KeptDay]] = {}
    for day in days:
        for row in _rows(day, "part", shown, _columns(day)):
            by_day.setdefault(str(row[CUSTOMER_ID]), []).append(_customer_day(day, row))
    features = _features([day for day in days if not day.manifest.thin][-1:], shown)
    consents = _consents(home, by_day)
    return [
        CustomerHistory(
            one, one in by_day, features.get(one, {}), by_day.get(one, []), consents.get(one) if consents else None
        )
        for one in customers
    ]


def _columns(day: Day) -> list[str]:
    return [CUSTOMER_ID, "segment", *(f"{name}_{own}" for name in day.manifest.models for own in _OWN)]


def _customer_day(day: Day, row: Row) -> KeptDay:
    scores = {
        name: msgspec.convert({own: row[f"{name}_{own}"] for own in _OWN}, KeptScore)
        for name in day.manifest.models
        if row[f"{name}_status"] is not None
    }
    return KeptDay(day.manifest.as_of, msgspec.convert(row["segment"], str | None), scores)


def _features(days: Sequence[Day], customers: Collection[str]) -> Mapping[str, dict[str, dict[str, Cell]]]:
    found: dict[str, dict[str, dict[str, Cell]]] = {}
    for day in days:
        for name in day.manifest.models:
            for row in _rows(day, f"features-{name}", customers):
                customer = str(row.pop(CUSTOMER_ID))
                found.setdefault(customer, {})[name] = {feature: _cell(value) for feature, value in row.items()}
    return found


def _cell(value: Cell | datetime | date) -> Cell:
    return value.isoformat() if isinstance(value, date) else value


def _rows(day: Day, prefix: str, customers: Collection[str], columns: list[str] | None = None) -> Iterator[Row]:
    for number in sorted({part_of(customer) for customer in customers}):
        if path := day.file(part_name(prefix, number)):
            yield from pq.read_table(path, columns=columns, filters=[(CUSTOMER_ID, "in", list(customers))]).to_pylist()


def _consents(home: Path, customers: Collection[str]) -> Mapping[str, CustomerConsent] | None:
    found = contacts_of(home, of=customers)
    if found is None:
        return None
    file, contacts = found
    return {
        one: CustomerConsent(
            file.channel,
            file.purpose,
            "unknown"
            if one not in contacts.consent
            else "granted"
            if contacts.consent[one]
            else "withdrawn"
            if one in contacts.withdrawn
            else "none",
        )
        for one in customers
    }
