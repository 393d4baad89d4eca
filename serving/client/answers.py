"""What is posted and what the API answers, as types; docs/guide/score-over-http.md says what each field means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

Language = Literal["en", "fr"]


class Profile(TypedDict):
    """A customer to score: every feature of the use case, null where missing."""

    customer_id: str
    features: Mapping[str, Any]


class Named(TypedDict):
    """A band or a segment."""

    code: str
    label: str


class NextBand(TypedDict):
    """The band above, where it begins, and how far away that is."""

    code: str
    at: float
    distance: float


class Note(TypedDict):
    """A broken rule or a warning; never a customer's value."""

    code: str
    detail: str
    feature: NotRequired[str]


class Reason(TypedDict):
    """What one feature adds, in calibrated log-odds and in words."""

    code: str
    feature: str
    value: Any
    contribution: float
    direction: Literal["raises", "lowers"]
    favourable: bool
    text: str


class Score(TypedDict):
    """One use case's answer; all but the status stands there only when it is `scored`, errors when `invalid`."""

    status: str
    probability: NotRequired[float]
    score: NotRequired[float]
    percentile: NotRequired[int]
    band: NotRequired[Named]
    next_band: NotRequired[NextBand | None]
    model_version: NotRequired[str]
    trained_to: NotRequired[str | None]
    warnings: NotRequired[list[Note]]
    reasons: NotRequired[list[Reason]]
    errors: NotRequired[list[Note]]


class Result(TypedDict):
    """One customer's answer."""

    customer_id: str | None
    status: Literal["ok", "invalid"]
    segment: Named | None
    scores: dict[str, Score]
    errors: NotRequired[list[Note]]


class Explanation(TypedDict):
    """Why: sigmoid(base_value + sum of contributions) is the probability."""

    use_case: str
    eligible: bool
    base_value: float
    contributions: dict[str, float]
    margin: float
    calibration: dict[str, float]
    probability: float
    score: float
    percentile: int
    band: Named
    reasons: list[Reason]
    model_version: str
    request_id: str
