"""What was erased and is there again, as after a backup was put back: found by its hashes, and erased again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import keyed
from penchant.retention.purge import AT_ONCE
from scoring.population.days import days_of, outcome_files
from scoring.privacy.audit_trail import Actor, record
from scoring.privacy.marks_of_trail import mark_by_trail, readmitted
from scoring.privacy.suppression import erased_hashes, own_key
from serving.customers import decision_log, feature_store, pending_erasures, subject_rights


def erase_returned(home: Path, by: Actor) -> int:
    """Brings the suppression list up to the trail, and erases again whom it says was; returns how many were there.

    Raises:
        OSError: The trail or a file cannot be read or written.
        sqlite3.Error: The same.
        SuppressionError: The suppression list has lost its key.
    """
    mark_by_trail(home)
    again = readmitted(home)
    erased = {who: at for who, at in erased_hashes(home).items() if who not in again}
    if not erased:
        return 0
    key = own_key(home)
    there = {customer for customer, at in _kept(home) if at <= erased.get(keyed(key, customer), -1.0)}
    found = sorted(there - pending_erasures.pending_of(home).keys())  # theirs are going already
    for first in range(0, len(found), AT_ONCE):
        some = found[first : first + AT_ONCE]
        record(home, "returned", by, customers=some)
        subject_rights.erase(home, some)
    return len(found)


def _kept(home: Path) -> Iterator[tuple[str, float]]:
    """Everybody of whom something is kept by id, with the earliest moment that it is from."""
    yield from feature_store.stored(home).items()
    yield from decision_log.logged(home).items()
    for day in days_of(home):
        yield from ((customer, day.manifest.as_of.timestamp()) for customer in _ids(day.parts))
    yield from ((customer, 0.0) for customer in _ids(outcome_files(home)))


def _ids(files: Collection[Path]) -> Iterator[str]:
    for file in files:
        yield from pc.unique(pq.read_table(file, columns=[CUSTOMER_ID]).column(0)).to_pylist()
