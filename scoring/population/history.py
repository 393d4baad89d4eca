"""What the days hold of single customers: their latest features, scores and segment day by day, and their consent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq

from features.spec.feature import CUSTOMER_ID
from features.spec.languages import Language
from features.spec.suppression_list import objectors_of
from scoring.answers.discovered import Discovering
from scoring.answers.served_release import Live
from scoring.answers.wire import DiscoveredReason
from scoring.population.customer_history import Cell, CustomerConsent, CustomerHistory, KeptDay, KeptGroup, KeptScore
from scoring.population.day_index import CLUSTER, REASONS
from scoring.population.days import Day, days_of
from scoring.population.home_contacts import contacts_of
from scoring.population.partitioned import part_name, part_of

_OWN = ("status", "score", "probability", "percentile", "band", "version")
_OF_GROUPS = (CLUSTER, f"{CLUSTER}_margin", f"{CLUSTER}_next")  # end the columns that are read of groups
Row = dict[str, Cell | datetime | date]
Features = Mapping[str, dict[str, Cell]]  # by use case


def histories(
    home: Path, customers: Sequence[str], served: Mapping[str, Live] | None = None, language: Language = "en"
) -> list[CustomerHistory]:
    """What the days hold of some customers, in the order asked.

    Args:
        home: Whose days they are.
        customers: Their ids.
        served: The use cases in service, by whose groups those of the days have labels and reasons.
        language: Of labels and reasons.

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
    latest = [day for day in days if not day.manifest.thin][-1:]
    features = _features(latest, shown)
    words = _GroupWords(served or {}, language, latest[0].manifest.as_of if latest else None)
    consents = _consents(home, by_day)
    return [
        CustomerHistory(
            one,
            one in by_day,
            features.get(one, {}),
            [words.added(day, features.get(one, {})) for day in by_day.get(one, ())],
            consents.get(one) if consents else None,
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
    groups = {
        column.removesuffix(CLUSTER): msgspec.convert(
            {"code": row[column], "margin": row[f"{column}_margin"], "next": row[f"{column}_next"]}, KeptGroup
        )
        for column in row
        if column.endswith(CLUSTER) and row[column] is not None
    }
    return KeptDay(day.manifest.as_of, msgspec.convert(row["segment"], str | None), scores, groups)


@dataclass(frozen=True, slots=True)
class _GroupWords:
    """Gives the groups of days their labels, and those of the day whose features are kept their reasons."""

    served: Mapping[str, Live]
    language: Language
    latest: datetime | None

    def added(self, day: KeptDay, features: Features) -> KeptDay:
        """A day with what its groups are called, and why; `features` are those of the latest day."""
        known = features if day.as_of == self.latest else {}
        groups = {name: self._named(name, group, known) for name, group in day.discovered.items()}
        return msgspec.structs.replace(day, discovered=groups)

    def _named(self, name: str, group: KeptGroup, features: Features) -> KeptGroup:
        found = [one for live in self.served.values() if (one := live.discovering.get(name))]
        labels = found[0].learned.labels if found else {}
        return msgspec.structs.replace(
            group,
            label=labels.get(group.code, {}).get(self.language),
            next_label=labels.get(group.next, {}).get(self.language),
            reasons=self._why(name, group, features),
        )

    def _why(self, name: str, group: KeptGroup, features: Features) -> list[DiscoveredReason]:
        """The reasons by a use case whose row is in the very place now: a refit may put it elsewhere, for others."""
        for use_case, row in features.items():
            live = self.served.get(use_case)
            if live and (one := live.discovering.get(name)):
                reasons = self._of_row(live, one, group, row)
                if reasons is not None:
                    return reasons
        return []

    def _of_row(
        self, live: Live, one: Discovering, group: KeptGroup, row: Mapping[str, Cell]
    ) -> list[DiscoveredReason] | None:
        encoder = live.scorer.encoder
        encoded, errors, _ = encoder.row({key: value for key, value in row.items() if key in encoder.posted})
        if errors:
            return None
        place = one.places(np.asarray([encoded]), REASONS, self.language)[0]
        same = (place["code"], place["next"], place["margin"]) == (group.code, group.next, group.margin)
        return place["reasons"] if same else None


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
            read = columns and [*columns, *(name for name in pq.read_schema(path).names if name.endswith(_OF_GROUPS))]
            yield from pq.read_table(path, columns=read, filters=[(CUSTOMER_ID, "in", list(customers))]).to_pylist()


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
