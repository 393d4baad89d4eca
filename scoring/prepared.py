"""A customer whose features were found rather than posted: made from raw events, or looked up by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scoring.cells import Note


@dataclass(frozen=True, slots=True)
class Prepared:
    """A profile that a door has already opened; cannot be posted, so nobody can pass for one.

    A use case stands in `features`, or in `statuses` where there is nothing to score and why: `insufficient_data`,
    `unknown`, `stale`, `opted_out`.
    """

    customer_id: str | None
    features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by use case
    statuses: Mapping[str, str] = field(default_factory=dict)  # by use case
    errors: tuple[Note, ...] = ()  # of the profile itself; with any the row is invalid
