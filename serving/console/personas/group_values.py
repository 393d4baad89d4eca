"""What the groups of a segmentation will bring, of the day in service: their size times the expected value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scoring.answers.served_release import Live
from scoring.segments.personas import FEWEST
from serving.console.value.value_grid import valued_day


@dataclass(frozen=True, slots=True)
class GroupValue:
    """What a group's members will bring together."""

    customers: int  # whose value is known
    expected: float  # of one of them, the mean

    @property
    def total(self) -> float:
        """Size times expected value."""
        return self.customers * self.expected


@dataclass(frozen=True, slots=True)
class GroupValues:
    """The groups of a day by code, those of too few customers left out."""

    day: str  # ISO date
    use_case: str
    horizon: int  # days
    currency: str
    profit: bool  # else it is revenue
    groups: Mapping[str, GroupValue]


def group_values(home: Path, name: str, served: Mapping[str, Live]) -> GroupValues | None:
    """By the first use case whose values the day in service has; None where it has none of customers in these groups.

    It reads the day's index, so never on the loop that answers.
    """
    for use_case, live in sorted(served.items(), key=lambda one: (name not in one[1].discovering, one[0])):
        part, index = live.release.bundle.manifest.value, valued_day(home, live)
        if not part or index is None:
            continue
        from scoring.population.customer_pages import CustomerQuery  # few servers need pyarrow, which it brings

        found: dict[str, GroupValue] = {}
        for cluster in index.clusters:
            segmentation, _, code = cluster.rpartition(".")
            rows = index.ranked(CustomerQuery(use_case, cluster=cluster)) if segmentation == name else ()
            if len(rows) >= FEWEST:
                found[code] = GroupValue(len(rows), float(index.values(use_case)[rows].mean()))
        if found:
            day = index.as_of.date().isoformat()
            return GroupValues(day, use_case, part.horizon, part.currency or "", part.of == "profit", found)
    return None
