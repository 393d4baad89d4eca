"""Which segments a customer is in and since when, from one snapshot to the next, and how many moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypedDict

from scoring.segments.policy import Assignment, Policy

FLAP = timedelta(days=30)  # back in the segment just left within this long is a flap


@dataclass(frozen=True, slots=True)
class Membership:
    """Where one customer stands on a date, and since when."""

    segment: str | None = None
    since: date | None = None
    came_from: str | None = None
    entered: Mapping[str, date] = field(default_factory=dict)  # every segment the customer is in


def minimum_stays(policy: Policy, stand: Membership | None, as_of: date) -> dict[str, bool]:
    """The segments a customer is in, and whether the minimum stay of each is not over yet."""
    if stand is None:
        return {}
    known = {code: policy.by_code.get(code) for code in stand.entered}
    return {code: as_of < stand.entered[code] + one.minimum_stay for code, one in known.items() if one is not None}


def membership_after(place: Assignment, was: Membership | None, as_of: date) -> Membership:
    """Where a customer stands who was placed anew: segments they were in keep their dates of entry."""
    was = was or Membership()
    entered = {one.code: was.entered.get(one.code, as_of) for one in (*place.path, *place.also)}
    segment = place.path[-1].code if place.path else None
    came_from = was.came_from if segment == was.segment else was.segment
    return Membership(segment, entered[segment] if segment else None, came_from, entered)


def _is_flap(old: Membership, new: Membership, as_of: date) -> bool:
    """Whether a customer is back where they were before a short stay elsewhere."""
    back = new.segment is not None and new.segment != old.segment and new.segment == old.came_from
    return back and old.since is not None and as_of - old.since < FLAP


# How many went from one segment to another or stayed; None is no segment.
SegmentFlow = TypedDict("SegmentFlow", {"from": str | None, "to": str | None, "customers": int})


@dataclass(slots=True)
class SnapshotCounts:
    """What a snapshot counted; flows and flaps only where there is a previous one."""

    customers: int = 0
    unplaced: int = 0
    sizes: Counter[str] = field(default_factory=Counter)  # by segment, overlapping ones and parents too
    flows: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)  # (from, to) of those in both
    arrived: int = 0  # not in the previous snapshot
    gone: int = 0  # in the previous snapshot only
    flaps: int = 0

    def count(
        self, was: Membership | None, now: Membership, as_of: date, *, customers: int = 1, compared: bool = True
    ) -> None:
        """Counts so many customers who stand alike; `compared` where there is a previous snapshot at all."""
        self.customers += customers
        for code in now.entered:
            self.sizes[code] += customers
        self.unplaced += 0 if now.entered else customers
        if was is not None:
            self.flows[was.segment, now.segment] += customers
            self.flaps += customers if _is_flap(was, now, as_of) else 0
        elif compared:
            self.arrived += customers

    @property
    def compared(self) -> int:
        """How many customers are in both."""
        return sum(self.flows.values())

    @property
    def moved(self) -> int:
        """How many of them changed their segment."""
        return sum(count for (before, after), count in self.flows.items() if before != after)

    @property
    def flap_rate(self) -> float | None:
        """The share of those in both who are back in the segment they had left less than `FLAP` before."""
        return self.flaps / self.compared if self.compared else None
