"""The segments' page: the hierarchy, its rules, its sizes where they are known, and the scores they read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request

from scoring.policy import LEVELS, Policy, Segment
from scoring.segments import SHELF
from serving.console.charts import histogram
from serving.console.render import language_of, page
from serving.reply import VISIT, Reply

SIZES = "sizes.json"  # the last snapshot's counts; `python -m scoring snapshot` writes it


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many customers each segment held when an audience was last counted."""

    at: str
    customers: int
    counts: Mapping[str, int]
    of_this_policy: bool


async def segments(request: Request) -> Reply:
    """GET /console/segments."""
    snapshot = VISIT.get().snapshot
    policy, served = snapshot.policy, snapshot.served
    facts = {
        "here": "segments",
        "policy": policy,
        "policy_refusal": snapshot.policy_refusal,
        "levels": {level: ordered(policy, level) for level in LEVELS if ordered(policy, level)},
        "unread": [name for name in policy.use_cases if name not in served],
        "sizes": sizes(VISIT.get().runtime.settings.home, policy),
        "histograms": {name: histogram(live.release.bundle.boundaries.tolist()) for name, live in served.items()},
        "live": served,
    }
    return page("segments.html", language_of(request), facts)


def ordered(policy: Policy, level: int) -> list[Segment]:
    """The segments of a level in the order their rules are tried."""
    return [segment for segment in policy.ordered if segment.level == level]


def sizes(home: Path, policy: Policy) -> Sizes | None:
    """The sizes counted last; None where nothing was counted, or the file is not one of ours."""
    try:
        stored: Any = json.loads((home / SHELF / SIZES).read_bytes())
        counts = {str(code): int(count) for code, count in stored["sizes"].items()}
        known = stored["policy"] == policy.version
        return Sizes(str(stored["as_of"]), int(stored["customers"]), counts, known)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
