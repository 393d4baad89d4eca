"""Customers who are known by id: what a home keeps of them, made ready to score."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.spec.feature import CUSTOMER_ID, Json, Row
from features.spec.ids import posted_id
from scoring.answers.prepared_profile import PreparedProfile
from scoring.answers.served_release import Live, silent
from scoring.answers.wire import Score, Status
from scoring.encoding.block import Block
from scoring.privacy import suppression as lists
from scoring.privacy.marks_of_trail import mark_by_trail
from scoring.privacy.suppression import Suppression, SuppressionError
from serving.customers import feature_store as stores
from serving.customers.feature_store import SqliteStore, Store, StoredRow
from serving.customers.id_migration import settle_ids
from serving.customers.raw_events import FILE as EVENTS
from serving.customers.raw_events import prepare
from serving.http.problems import STORE_DOWN, Problem, retry_after
from serving.requests.models import ScoresRequest
from serving.settings import Settings
from serving.telemetry import logs

Served = Mapping[str, Live]
DAY = 86400.0  # seconds


class Customers:
    """What one worker reads of the home beside its releases; a home without such files costs a request nothing."""

    def __init__(self, settings: Settings) -> None:
        self.store: Store | None = None
        self.suppression: Suppression | None = None
        self._settings = settings
        self._marks: dict[str, int] = {}
        self._mark_by_trail()
        self.look()

    def look(self) -> None:
        """Takes up files that have come or gone."""
        if self._changed(path := self._settings.home / stores.FILE):
            self._settle()
            self.store = SqliteStore(path) if path.exists() else None
        if self._changed(self._settings.home / lists.FILE):
            self.suppression = lists.open_suppression(self._settings.home)

    def _mark_by_trail(self) -> None:
        """Whose objection or erasure a backup has undone is given to nobody."""
        try:
            mark_by_trail(self._settings.home)
        except (sqlite3.Error, SuppressionError, OSError) as error:  # a home that cannot be written is read as it is
            logs.write("marks_unsettled", level="error", **logs.fault(error))

    def _settle(self) -> None:
        try:
            settle_ids(self._settings.home)
        except (sqlite3.Error, OSError) as error:  # a home that cannot be written is read as it stands
            logs.write("ids_unsettled", level="error", **logs.fault(error))

    def _changed(self, path: Path) -> bool:
        """Whether another file, or none, stands there than at the last look."""
        try:
            mark = path.stat().st_ino
        except OSError:
            mark = 0
        before, self._marks[path.name] = self._marks.get(path.name, 0), mark
        return mark != before

    def ready(self, asked: ScoresRequest, served: Served) -> Sequence[Any]:
        """The customers of a request, ready to score: looked up by id, or as posted, raw events made features.

        Raises:
            Problem: 503 where the home's files cannot be read now.
        """
        if isinstance(asked.profiles, Block) and not self._any_objects(asked.profiles.customers):
            return asked.profiles
        if asked.profiles is not None:
            return self.ready_profiles(asked.profiles, served, asked.use_cases)
        return self.ready_ids(asked.customer_ids, served, asked.use_cases)

    def ready_profiles(self, profiles: Sequence[Any], served: Served, use_cases: Sequence[str] | None) -> Sequence[Any]:
        """Posted profiles, ready to score; of one who objected nothing is read but the id. Raises as `ready` does."""
        if self.suppression is not None:
            profiles = self._without_objectors(profiles, served, use_cases)
        return prepare(profiles, served, use_cases)

    def ready_ids(self, ids: Sequence[str], served: Served, use_cases: Sequence[str] | None) -> list[PreparedProfile]:
        """Customers of the store, ready to score. Raises as `ready` does."""
        with _readable():
            return self._looked_up(ids, served, use_cases)

    def _without_objectors(
        self, profiles: Sequence[Any], served: Served, use_cases: Sequence[str] | None
    ) -> Sequence[Any]:
        with _readable():
            barred = self._objectors([customer for profile in profiles if (customer := _id_of(profile))])
        if not barred:
            return profiles
        return [
            _opted_out(customer, served, use_cases or _fitting(profile, served)) if customer in barred else profile
            for profile in profiles
            for customer in (_id_of(profile),)
        ]

    def _any_objects(self, customers: Sequence[str]) -> bool:
        if self.suppression is None:
            return False
        with _readable():
            return bool(self._objectors(customers))

    def _objectors(self, customers: Sequence[str]) -> frozenset[str]:
        return self.suppression.among(customers) if self.suppression else frozenset()

    def _looked_up(self, ids: Sequence[str], served: Served, use_cases: Sequence[str] | None) -> list[PreparedProfile]:
        barred = self._objectors(ids)
        found = self.store.find([customer for customer in ids if customer not in barred]) if self.store else {}
        oldest = time.time() - self._settings.stale_days * DAY if self._settings.stale_days else 0.0
        return [
            _opted_out(customer, served, use_cases or served)
            if customer in barred
            else _prepared(customer, found.get(customer, ()), served, use_cases, oldest)
            for customer in ids
        ]


def _prepared(
    customer: str, rows: Sequence[StoredRow], served: Served, use_cases: Sequence[str] | None, oldest: float
) -> PreparedProfile:
    """A customer's features for each use case, or why there are none; unasked, for those its rows suffice for."""
    latest = {name: _latest(served[name], rows) for name in use_cases or served}
    if use_cases is None and any(latest.values()):
        latest = {name: row for name, row in latest.items() if row}
    features: dict[str, Row] = {}
    answers: dict[str, Score] = {}
    moments = {name: _iso(row.as_of) for name, row in latest.items() if row}
    for name, row in latest.items():
        if row and row.as_of >= oldest:
            features[name] = {key: row.features[key] for key in served[name].scorer.encoder.names}
        else:
            status: Status = "stale" if row else "insufficient_data" if rows else "unknown"
            answers[name] = silent(served[name], status)
    return PreparedProfile(customer, features, answers, moments=moments)


def _iso(seconds: float) -> str:
    """A moment in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _latest(live: Live, rows: Sequence[StoredRow]) -> StoredRow | None:
    """The latest of a customer's rows with every feature of a use case."""
    fitting = [row for row in rows if live.scorer.encoder.names <= row.features.keys()]
    return max(fitting, key=lambda row: row.as_of, default=None)


def _id_of(profile: Any) -> str | None:
    """The id of a posted profile, where it has one."""
    return posted_id(profile.get(CUSTOMER_ID)) if isinstance(profile, Mapping) else None


def _opted_out(customer: str | None, served: Served, use_cases: Collection[str]) -> PreparedProfile:
    """Nothing but that the customer objected, from every use case that was asked."""
    return PreparedProfile(customer, {}, {name: silent(served[name], "opted_out") for name in use_cases})


def _fitting(profile: Mapping[str, Json], served: Served) -> Collection[str]:
    """The use cases a posted profile would have been scored for; all, where it fits none."""
    features = profile.get("features")
    if isinstance(features, Mapping):
        fitting = [name for name, live in served.items() if live.scorer.encoder.names <= features.keys()]
    else:
        fitting = [name for name, live in served.items() if EVENTS in live.release.bundle.files]
    return fitting or served


@contextmanager
def _readable() -> Iterator[None]:
    """Turns a file that cannot be read into a 503: nobody is scored who may have objected."""
    try:
        yield
    except (sqlite3.Error, SuppressionError):
        detail = "What is kept of customers cannot be read now; nobody is scored without it."
        raise Problem(STORE_DOWN, detail, headers=retry_after(1)) from None
