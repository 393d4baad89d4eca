"""The online store: each customer's features by id, as of a moment, so that a caller need not send them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from features.spec.feature import Json
from features.spec.suppression_list import ONE_READING
from scoring.storage.sqlite import Reader, writing
from serving.customers.pending_erasures import PendingErasures

FILE = "store.db"
_TABLES = f"""
CREATE TABLE IF NOT EXISTS schemas (digest TEXT PRIMARY KEY, columns BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS customers (
    customer_id TEXT NOT NULL, schema TEXT NOT NULL, as_of REAL NOT NULL, cells BLOB NOT NULL,
    PRIMARY KEY (customer_id, schema)
) WITHOUT ROWID;
PRAGMA user_version = {ONE_READING}
"""
_FIND = "SELECT customer_id, schema, as_of, cells FROM customers WHERE customer_id IN {}"
_PUT = """
INSERT INTO customers VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET as_of = excluded.as_of, cells = excluded.cells
WHERE excluded.as_of >= as_of
"""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row of a customer: features as they would be posted, and the moment they speak of."""

    as_of: float  # seconds since the epoch
    features: dict[str, Json]


class Store(Protocol):
    """Where features are looked up; SQLite here, another where one file is not enough."""

    def find(self, customer_ids: Sequence[str]) -> Mapping[str, Sequence[StoredRow]]:
        """The rows of those who have any, by id.

        Raises:
            sqlite3.Error: The store cannot be read now.
        """


class SqliteStore:
    """The store in one file: a row for each customer and set of columns, so that use cases do not overwrite another."""

    def __init__(self, path: Path) -> None:
        self._reader = Reader(path)
        self._erasures = PendingErasures(path.parent)
        self._columns: dict[str, tuple[str, ...]] = {}  # by digest; what a digest names never changes

    def find(self, customer_ids: Sequence[str]) -> dict[str, list[StoredRow]]:
        """The rows of those who have any, by id; none of one whose erasure is pending."""
        found: dict[str, list[StoredRow]] = {}
        erased = self._erasures.among(dict.fromkeys(customer_ids))
        asked = [customer for customer in dict.fromkeys(customer_ids) if customer not in erased]
        for customer, schema, as_of, cells in self._reader.ask_of(_FIND, asked):
            features = dict(zip(self._schema(schema), _decode(cells), strict=True))
            found.setdefault(customer, []).append(StoredRow(as_of, features))
        return found

    def _schema(self, digest: str) -> tuple[str, ...]:
        if digest not in self._columns:
            columns = self._reader.ask("SELECT columns FROM schemas WHERE digest = ?", [digest])[0][0]
            self._columns[digest] = tuple(_decode(columns))
        return self._columns[digest]


def put(home: Path, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[Any]]], *, as_of: float) -> int:
    """Takes in customers' rows, all or none; a row that speaks of a later moment stays. Returns how many came.

    Args:
        home: Where the store stands.
        columns: Names of the cells.
        rows: Id and cells, as they would be posted.
        as_of: The moment they speak of, in seconds since the epoch.

    Raises:
        sqlite3.Error: The store cannot be written, and is as it was.
    """
    named = _encode(sorted(columns))
    digest = hashlib.sha256(named).hexdigest()
    order = sorted(range(len(columns)), key=lambda position: columns[position])
    count = 0
    with writing(home / FILE, _TABLES) as connection:
        connection.execute("INSERT OR IGNORE INTO schemas VALUES (?, ?)", [digest, named])
        for customer, cells in rows:
            connection.execute(_PUT, [customer, digest, as_of, _encode([cells[position] for position in order])])
            count += 1
    return count


def count(home: Path, customers: Iterable[str]) -> dict[str, int]:
    """How many rows customers have whom there are any of, erased or not.

    Raises:
        sqlite3.Error: The store cannot be read now.
    """
    path = home / FILE
    if not path.exists():
        return {}
    found: dict[str, int] = {}
    for (customer,) in Reader(path).ask_of("SELECT customer_id FROM customers WHERE customer_id IN {}", [*customers]):
        found[customer] = found.get(customer, 0) + 1
    return found


def loaded_before(home: Path, moment: float) -> list[str]:
    """The customers of whom every row speaks of a time before a moment, in seconds since the epoch.

    Raises:
        sqlite3.Error: The store cannot be read now.
    """
    question = "SELECT customer_id FROM customers GROUP BY customer_id HAVING MAX(as_of) < ?"
    path = home / FILE
    return [customer for (customer,) in Reader(path).ask(question, [moment])] if path.exists() else []


def oldest(home: Path) -> float | None:
    """What the oldest row speaks of, in seconds since the epoch; None where there is none. Raises as `count`."""
    path = home / FILE
    found = Reader(path).ask("SELECT MIN(as_of) FROM customers")[0][0] if path.exists() else None
    return None if found is None else float(found)


def stored(home: Path) -> dict[str, float]:
    """Everybody in the store, with the earliest moment that a row speaks of. Raises as `count`."""
    path = home / FILE
    return dict(Reader(path).ask("SELECT customer_id, MIN(as_of) FROM customers GROUP BY 1")) if path.exists() else {}


def delete(home: Path, customers: Iterable[str]) -> None:
    """Deletes customers' rows; their bytes go when the file is written anew.

    Raises:
        sqlite3.Error: The store cannot be written now, and is as it was.
    """
    path = home / FILE
    if path.exists():
        with writing(path, _TABLES) as connection:
            every = ((customer,) for customer in customers)
            connection.executemany("DELETE FROM customers WHERE customer_id = ?", every)
