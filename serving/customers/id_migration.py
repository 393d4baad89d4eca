"""Files that were written before there was one reading of ids: their customers get the ids they would have now."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from features.spec.ids import read_id
from features.spec.suppression_list import ONE_READING
from scoring.storage.sqlite import READ_SECONDS, writing
from serving.customers import decision_log, feature_store

_ODD = "customer_id GLOB '*[^A-Za-z0-9_-]*'"  # all other ids are read as they stand
_STORED = """
INSERT INTO customers SELECT ?, schema, as_of, cells FROM customers WHERE customer_id = ?
ON CONFLICT DO UPDATE SET as_of = excluded.as_of, cells = excluded.cells WHERE excluded.as_of >= as_of
"""
_CHANGES = {
    "customers": (_STORED, "DELETE FROM customers WHERE ? != customer_id AND customer_id = ?"),
    "decisions": ("UPDATE decisions SET customer_id = ? WHERE customer_id = ?",),
}


def settle_ids(home: Path) -> None:
    """Gives the customers of the store and of the decisions log the ids they have since there is one reading of them.

    Done once a file, which then says so. Of two rows of one customer that of the later moment stays.

    Raises:
        sqlite3.Error: A file cannot be written now, and is as it was.
    """
    for file, table in ((feature_store.FILE, "customers"), (decision_log.FILE, "decisions")):
        if (home / file).exists() and _version(home / file) < ONE_READING:
            _settle(home / file, table)


def _version(path: Path) -> int:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=READ_SECONDS)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _settle(path: Path, table: str) -> None:
    with writing(path, "") as connection:
        rows = connection.execute(f"SELECT DISTINCT customer_id FROM {table} WHERE {_ODD}").fetchall()  # noqa: S608  names of ours
        read = [(customer, read_id(customer)) for (customer,) in rows]
        for change in _CHANGES[table]:
            connection.executemany(change, [(now, before) for before, now in read if now not in (None, before)])
        connection.execute(f"PRAGMA user_version = {ONE_READING}")
