"""What is kept of a customer, exported in full or erased for good: store, decisions, request files, objections."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.spec.feature import CUSTOMER_ID
from scoring.privacy import suppression
from scoring.privacy.suppression import open_suppression
from scoring.storage.atomic import write_file
from serving.customers import decision_log as decisions
from serving.customers import feature_store as store

REQUESTS = "requests"  # ten real customers of each use case, for trying things out


def export(home: Path, customers: Sequence[str]) -> list[dict[str, Any]]:
    """All that a home holds of customers, in the order asked; raises as `erase` does."""
    path = home / store.FILE
    rows = store.SqliteStore(path).find(customers) if path.exists() else {}
    lines = decisions.decisions_of(home, customers)
    listed = open_suppression(home)
    objectors = listed.among(customers) if listed else frozenset()
    erased = listed.erased(customers) if listed else {}
    requests = list(_requests(home))
    return [
        {
            CUSTOMER_ID: customer,
            "store": [{"as_of": _iso(row.as_of), "features": row.features} for row in rows.get(customer, ())],
            "decisions": lines.get(customer, []),
            "opted_out": customer in objectors,
            "erased_at": _iso(erased[customer]) if customer in erased else None,
            "requests": [
                {"file": file.name, "profile": profile}
                for file, request in requests
                for profile in request["profiles"]
                if profile.get(CUSTOMER_ID) == customer
            ],
        }
        for customer in customers
    ]


def erase(home: Path, customers: Sequence[str]) -> list[dict[str, Any]]:
    """Removes all that a home holds of customers, in the order asked; what is left is a keyed hash and the moment.

    Whoever objected stays on the suppression list, as a hash too. Asked again, it finds nothing and does no harm.

    Raises:
        sqlite3.Error: A file cannot be written now; some of it may be done.
        OSError: The same.
        SuppressionError: The suppression list has lost its key.
    """
    suppression.mark_erased(home, customers, at=time.time())
    rows = store.remove(home, customers)
    removed = {
        "store": rows,
        "decisions": decisions.remove(home, customers),
        "requests": _remove_from_requests(home, frozenset(customers)),
    }
    return [
        {CUSTOMER_ID: customer, "removed": {place: counts.get(customer, 0) for place, counts in removed.items()}}
        for customer in customers
    ]


def _requests(home: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The request files that training left."""
    for file in sorted((home / REQUESTS).glob("*.json")):
        yield file, json.loads(file.read_bytes())


def _remove_from_requests(home: Path, customers: frozenset[str]) -> dict[str, int]:
    """Writes the files anew without the customers; one that would name nobody is deleted."""
    removed: dict[str, int] = {}
    for file, request in _requests(home):
        gone = [profile[CUSTOMER_ID] for profile in request["profiles"] if profile.get(CUSTOMER_ID) in customers]
        if not gone:
            continue
        kept = [profile for profile in request["profiles"] if profile.get(CUSTOMER_ID) not in customers]
        if kept:
            text = json.dumps({**request, "profiles": kept}, ensure_ascii=False)
            write_file(file, f"{text}\n".encode())
        else:
            file.unlink()
        for customer in gone:
            removed[customer] = removed.get(customer, 0) + 1
    return removed


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
