"""What is kept of a customer, exported in full or erased for good: store, decisions, lists, requests, objections."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.spec.atomic import write_file
from features.spec.feature import CUSTOMER_ID
from features.spec.ids import posted_id
from scoring.audiences.deliveries.handovers import Handover, forget_handovers, handovers_of
from scoring.audiences.pressure import contact_history
from scoring.audiences.pressure.contact_history import ListContact
from scoring.population.days import days_of, outcome_files
from scoring.privacy import suppression
from scoring.privacy.suppression import open_suppression
from serving.customers import decision_log as decisions
from serving.customers import feature_store as store
from serving.customers import pending_erasures
from serving.customers.contestations import contestations_of
from serving.customers.feature_store import StoredRow
from serving.customers.id_migration import settle_ids
from serving.customers.kept import (
    CustomerErased,
    CustomerExport,
    Facts,
    HandedOver,
    ListedContact,
    RequestDocument,
)
from serving.idempotency import answered_calls
from serving.stream_state.erasure import events_of
from serving.stream_state.status import streams_of

REQUESTS = "requests"  # ten real customers of each use case, for trying things out
_DRAFT = re.compile(r"\..+\.(\d+)(?:\.[0-9a-f]+)?\.tmp")  # with the id of the process that wrote it


def export(home: Path, customers: Sequence[str]) -> list[CustomerExport]:
    """All that a home holds of customers, in the order asked; raises as `erase` does."""
    settle_ids(home)
    rows = _stored(home, customers)
    lines, contested = decisions.decisions_of(home, customers), contestations_of(home, customers)
    listed = open_suppression(home)
    objectors = listed.among(customers) if listed else frozenset()
    erased = listed.erased(customers) if listed else {}
    requests, days = list(_requests(home)), _days(home, customers)
    lists = contact_history.contacts_of_customers(home, customers)
    handed = handovers_of(home, customers)
    streamed = events_of(home, [one for one in customers if one not in erased])
    exported: list[CustomerExport] = [
        {
            "customer_id": customer,
            "store": [{"as_of": _iso(row.as_of), "features": row.features} for row in rows.get(customer, ())],
            "decisions": lines.get(customer, []),
            "contestations": contested.get(customer, []),
            "population": days.get(customer, []),
            "opted_out": customer in objectors,
            "erased_at": _iso(erased[customer]) if customer in erased else None,
            "requests": [
                {"file": file.name, "profile": profile}
                for file, request in requests
                for profile in request["profiles"]
                if _id_of(profile) == customer
            ],
        }
        for customer in customers
    ]
    for one in exported:
        if one["customer_id"] in streamed:
            one["stream"] = list(streamed[one["customer_id"]])
        if one["customer_id"] in lists:
            one["lists"] = _listed(lists[one["customer_id"]])
        if one["customer_id"] in handed:
            one["deliveries"] = [_handed(line) for line in handed[one["customer_id"]]]
    return exported


def erase(home: Path, customers: Sequence[str]) -> list[CustomerErased]:
    """Removes all that a home holds of customers, in the order asked; what is left is a keyed hash and the moment.

    From now on nobody is given any of it. Its bytes in the store and the decisions log are written over by
    `housekeeping`, since that takes the longer the more they hold of others: until then it is `pending`. Whoever
    objected stays on the suppression list, as a hash too. Asked again, it finds nothing and does no harm.

    Raises:
        sqlite3.Error: A file cannot be written now; some of it may be done.
        OSError: The same.
        SuppressionError: The suppression list has lost its key.
    """
    settle_ids(home)
    visible = [
        ("store", _stored(home, customers)),
        ("decisions", decisions.decisions_of(home, customers)),
        ("decisions", contestations_of(home, customers)),
    ]
    # By a clock that was set back, scores may have been given later than now.
    at = max(time.time(), decisions.latest_moment(home, customers))
    suppression.mark_erased(home, customers, at=at)
    moments = dict.fromkeys(customers, at)
    left = {"store": store.count(home, customers), "decisions": decisions.count(home, moments)}
    places = {customer: {place: int(customer in rows) for place, rows in left.items()} for customer in moments}
    pending_erasures.add(home, {customer: (at, rows) for customer, rows in places.items()})
    requests = _remove_from_requests(home, frozenset(customers))
    contact_history.forget_contacts(home, customers)
    forget_handovers(home, customers)  # what a tool still has of them is known until it is removed there
    answered_calls.forget(home, customers)
    in_days = bool(days_of(home) or outcome_files(home)) or bool(streams_of(home))
    return [
        {
            "customer_id": customer,
            "removed": {
                **{
                    place: sum(len(rows.get(customer, ())) for where, rows in visible if where == place)
                    for place in ("store", "decisions")
                },
                "requests": requests.get(customer, 0),
            },
            "pending": any(places[customer].values()) or in_days,
        }
        for customer in customers
    ]


def known_customers(home: Path, customers: Sequence[str]) -> int | None:
    """How many of some customers the home keeps features or decisions of; None where it keeps nobody's.

    Raises:
        sqlite3.Error: A file cannot be read now.
    """
    if not any((home / file).exists() for file in (store.FILE, decisions.FILE)):
        return None
    bygone = dict.fromkeys(customers, math.inf)
    return len(store.count(home, customers).keys() | decisions.count(home, bygone).keys())


def _stored(home: Path, customers: Sequence[str]) -> Mapping[str, Sequence[StoredRow]]:
    path = home / store.FILE
    return store.SqliteStore(path).find(customers) if path.exists() else {}


def _days(home: Path, customers: Sequence[str]) -> Mapping[str, list[Facts]]:
    """What the days of the population and their outcomes hold, by id."""
    if not days_of(home) and not outcome_files(home):
        return {}
    from scoring.population.read_days import kept_of  # brings pyarrow along, which few servers need

    return kept_of(home, customers)


def _requests(home: Path) -> Iterator[tuple[Path, RequestDocument]]:
    """The request files that training left; any other file is not ours, and nobody's profiles are looked for in it."""
    for file in sorted((home / REQUESTS).glob("*.json")):
        with suppress(ValueError):
            request = json.loads(file.read_bytes())
            if _is_request(request):
                yield file, request


def _is_request(request: Any) -> bool:
    profiles = request.get("profiles") if isinstance(request, dict) else None
    return isinstance(profiles, list) and all(isinstance(profile, dict) for profile in profiles)


def _id_of(profile: Facts) -> str:
    return posted_id(profile.get(CUSTOMER_ID)) or ""


def _remove_drafts(home: Path) -> None:
    """Deletes what writers of request files left who were killed."""
    for draft in (home / REQUESTS).glob(".*.tmp"):
        found = _DRAFT.fullmatch(draft.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            draft.unlink(missing_ok=True)


def _remove_from_requests(home: Path, customers: frozenset[str]) -> dict[str, int]:
    """Writes the files anew without the customers; one that would name nobody is deleted."""
    removed: dict[str, int] = {}
    _remove_drafts(home)
    for file, request in _requests(home):
        gone = [customer for profile in request["profiles"] if (customer := _id_of(profile)) in customers]
        if not gone:
            continue
        kept = [profile for profile in request["profiles"] if _id_of(profile) not in customers]
        if kept:
            text = json.dumps({**request, "profiles": kept}, ensure_ascii=False)
            write_file(file, f"{text}\n".encode(), mode=0o600)
        else:
            file.unlink()
        for customer in gone:
            removed[customer] = removed.get(customer, 0) + 1
    return removed


def _listed(contacts: Sequence[ListContact]) -> list[ListedContact]:
    return [{"at": _iso(one.at), "what": one.what} for one in contacts]


def _handed(line: Handover) -> HandedOver:
    return {
        "destination": line.destination,
        "what": line.kind,
        "fields": list(line.fields),
        "at": _iso(line.first),
        "last_at": _iso(line.last),
        "removed_at": None if line.removed is None else _iso(line.removed),
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
