"""The suppression list as it stands in a home: keyed hashes of who objected to being scored, and of who was erased.

HOME/suppressed.db holds HMAC-SHA256 of customers' ids under the key in HOME/customers.key. `scoring.privacy` writes it
and asks it; here it is read whole, for those who build features and must leave these customers out.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from features.spec.ids import earlier_spellings, read_id

FILE = "suppressed.db"
KEY_FILE = "customers.key"
KEY_BYTES = 32
ONE_READING = 1  # the file's user_version since its hashes are of ids as `read_id` has them; 0 before


class SuppressionError(ValueError):
    """The list cannot be read, so objectors cannot be recognised and nobody may be scored or learned from."""


@dataclass(frozen=True)
class Objectors:
    """Who must not be learned from, or scored: those on a home's list when it was read, and those erased."""

    key: bytes
    hashes: frozenset[bytes]
    version: int

    def among(self, customers: Iterable[str]) -> frozenset[str]:
        """Those of some customers who are on the list as it was read."""
        return frozenset(
            customer for customer in customers if any(who in self.hashes for who in self._hashes_of(customer))
        )

    def digest(self, customers: Collection[str] | None = None) -> str:
        """Another for other customers, or for another list; it names nobody."""
        hashes = self.hashes if customers is None else {keyed(self.key, customer) for customer in customers}
        return hashlib.sha256(b"".join(sorted(hashes))).hexdigest()

    def _hashes_of(self, customer: str) -> list[bytes]:
        return [keyed(self.key, spelled) for spelled in spellings(customer, self.version)]


def objectors_of(home: Path) -> Objectors | None:
    """The objectors and the erased of a home; None where there is nobody.

    Raises:
        SuppressionError: There is a list that cannot be read.
    """
    return _listed(home, "SELECT who FROM suppressed UNION SELECT who FROM erased")


def suppressed_of(home: Path) -> Objectors | None:
    """Those who objected to being scored alone, as `scoring` asks for them; None where there is nobody.

    Raises:
        SuppressionError: There is a list that cannot be read.
    """
    return _listed(home, "SELECT who FROM suppressed")


def erased_of(home: Path) -> Objectors | None:
    """The erased of a home alone, of whom nothing may be kept; None where there is nobody.

    Raises:
        SuppressionError: There is a list that cannot be read.
    """
    return _listed(home, "SELECT who FROM erased")


def _listed(home: Path, query: str) -> Objectors | None:
    path = home / FILE
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            rows = connection.execute(query).fetchall()
    except sqlite3.Error as error:
        raise SuppressionError(f"{FILE} must be readable, got {type(error).__name__}.") from error
    return Objectors(read_key(home), frozenset(who for (who,) in rows), version) if rows else None


def spellings(customer: str, version: int) -> list[str]:
    """The texts that a list of a version may hold a customer's hash of."""
    known = read_id(customer) or customer
    return [known] if version >= ONE_READING else earlier_spellings(known)


def keyed(key: bytes, customer: str) -> bytes:
    """What stands for a customer in the list: HMAC-SHA256 of the id."""
    return hmac.digest(key, customer.encode("utf-8", "surrogatepass"), "sha256")


def read_key(home: Path) -> bytes:
    """The key of a home.

    Raises:
        SuppressionError: There is none, or it is not one.
    """
    try:
        key = (home / KEY_FILE).read_bytes()
    except OSError as error:
        raise SuppressionError(f"{KEY_FILE} must be readable, got {type(error).__name__}.") from error
    if len(key) != KEY_BYTES:
        raise SuppressionError(f"{KEY_FILE} must hold {KEY_BYTES} bytes, got {len(key)}.")
    return key
