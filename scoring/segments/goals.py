"""What a business wants of a segment: a figure, how high, and until when."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NotRequired, TypedDict, get_args

from features.spec.feature import Json

Kpi = Literal["conversion", "orders", "value", "churn", "open_rate", "engagement", "cost_per_acquisition"]
KPIS: tuple[Kpi, ...] = get_args(Kpi)
FALLING: tuple[Kpi, ...] = ("churn", "cost_per_acquisition")  # the lower the better
_RATES: tuple[Kpi, ...] = ("conversion", "churn", "open_rate", "engagement")
_KEYS = ("kpi", "target", "by", "use_case")


class StoredGoal(TypedDict):
    """A goal as JSON."""

    kpi: Kpi
    target: float
    by: str
    use_case: NotRequired[str]


class GoalError(ValueError):
    """A goal breaks rules; `broken` names each."""

    def __init__(self, broken: Sequence[str]) -> None:
        super().__init__("; ".join(broken))
        self.broken = broken


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted of the members of a segment."""

    kpi: Kpi
    target: float  # a rate in (0, 1], or an amount above 0
    by: date
    use_case: str | None = None  # whose outcome measures it; None: the first one of the policy that can

    def to_json(self) -> StoredGoal:
        """The goal as a policy keeps it."""
        stored: StoredGoal = {"kpi": self.kpi, "target": self.target, "by": self.by.isoformat()}
        return {**stored, "use_case": self.use_case} if self.use_case else stored

    @classmethod
    def from_json(cls, stored: StoredGoal) -> Goal:
        """The goal that `to_json` wrote."""
        return cls(stored["kpi"], stored["target"], date.fromisoformat(stored["by"]), stored.get("use_case"))


def read_goal(table: Mapping[str, Json | date], use_cases: Sequence[str]) -> Goal:
    """The goal of a table of TOML.

    Raises:
        GoalError: It breaks rules; all are named.
    """
    kpi, target, by, use_case = (table.get(key) for key in _KEYS)
    broken = [f"A goal holds {', '.join(_KEYS)}, got {key}." for key in table if key not in _KEYS]
    found = next((one for one in KPIS if one == kpi), None)
    if found is None:
        broken.append(f"A goal's kpi is one of {', '.join(KPIS)}, got {kpi!r}.")
    number = float(target) if isinstance(target, int | float) and not isinstance(target, bool) else math.nan
    if not 0 < number < math.inf or (found in _RATES and number > 1):
        broken.append(f"A goal's target is above 0, and a rate at most 1, got {target!r}.")
    if type(by) is not date:
        broken.append("A goal's by is a date, got something else.")
    if use_case is not None and use_case not in use_cases:
        broken.append(f"A goal's use_case is one of the policy ({', '.join(use_cases)}), got {use_case!r}.")
    if broken or found is None or type(by) is not date:
        raise GoalError(broken)
    return Goal(found, number, by, use_case if isinstance(use_case, str) else None)
