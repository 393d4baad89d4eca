"""How many customers each segment holds: the last snapshot's counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.segments.assignment import SEGMENTS_FOLDER, SIZES
from scoring.segments.policy import Policy


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many customers each segment had when an audience was last counted."""

    at: str
    customers: int
    counts: Mapping[str, int]
    of_this_policy: bool
    snapshot: Path | None = None  # where it was written to


def sizes(home: Path, policy: Policy) -> Sizes | None:
    """The sizes counted last; None where nothing was counted, or the file is not one of ours."""
    try:
        stored: Any = json.loads((home / SEGMENTS_FOLDER / SIZES).read_bytes())
        counts = {str(code): int(count) for code, count in stored["sizes"].items()}
        known = stored["policy"] == policy.version
        path = Path(stored["snapshot"]) if "snapshot" in stored else None
        return Sizes(str(stored["as_of"]), int(stored["customers"]), counts, known, path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
