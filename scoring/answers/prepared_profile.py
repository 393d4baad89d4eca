"""A customer whose features were found rather than posted: made from raw events, or looked up by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from features.spec.feature import Row
from scoring.answers.wire import Score
from scoring.encoding.notes import Note


@dataclass(frozen=True, slots=True)
class PreparedProfile:
    """A profile whose features are already found; cannot be posted, so nobody can pass for one.

    A use case stands in `features`, or in `answers` where there is nothing to score: its answer then says why, by its
    status (`insufficient_data`, `unknown`, `stale`, `opted_out`, or `invalid` with errors).
    """

    customer_id: str | None
    features: Mapping[str, Row] = field(default_factory=dict)  # by use case
    answers: Mapping[str, Score] = field(default_factory=dict)  # by use case
    errors: tuple[Note, ...] = ()  # of the profile itself; with any the row is invalid
    moments: Mapping[str, str] = field(default_factory=dict)  # by use case: what the features speak of, ISO, UTC
