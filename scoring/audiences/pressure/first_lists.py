"""Whom a list that goes first would take of a snapshot."""

from __future__ import annotations

from collections.abc import Callable

from features.spec.feature import CUSTOMER_ID
from scoring.audiences.audience import members_of
from scoring.audiences.pressure.pressure_rules import FirstList
from scoring.audiences.snapshot import SegmentSnapshot


def claimed_of(snapshot: SegmentSnapshot, first: FirstList, reason: Callable[[str], str | None]) -> list[str]:
    """The customers of a list but those with a reason against it; nobody where the snapshot knows nothing of it."""
    ids = snapshot.column(CUSTOMER_ID)
    if first.segment is not None and first.segment not in snapshot.codes:
        return []
    rows = list(range(len(ids))) if first.segment is None else members_of(snapshot, first.segment)
    if first.use_case is not None:
        rows = _likeliest(snapshot, first.use_case, first.threshold or 0.0, rows)
    claimed: list[str] = []
    for row in rows:
        if len(claimed) == first.top:
            break
        if reason(ids[row]) is None:
            claimed.append(ids[row])
    return claimed


def _likeliest(snapshot: SegmentSnapshot, use_case: str, threshold: float, rows: list[int]) -> list[int]:
    """Those of some rows at or above a threshold, the likeliest first."""
    name = f"{use_case}_probability"
    if name not in snapshot.rows.column_names:
        return []
    probability = snapshot.column(name)
    known = [row for row in rows if probability[row] is not None and probability[row] >= threshold]
    return sorted(known, key=lambda row: -probability[row])
