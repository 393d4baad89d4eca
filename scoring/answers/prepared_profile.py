"""A customer whose features were found rather than posted: made from raw events, or looked up by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scoring.encoding.value_rules import ValueNote


@dataclass(frozen=True, slots=True)
class PreparedProfile:
    """A profile whose features are already found; cannot be posted, so nobody can pass for one.

    A use case stands in `features`, or in `answers` where there is nothing to score: its answer then says why, by its
    status (`insufficient_data`, `unknown`, `stale`, `opted_out`, or `invalid` with errors).
    """

    customer_id: str | None
    features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by use case
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by use case
    errors: tuple[ValueNote, ...] = ()  # of the profile itself; with any the row is invalid
