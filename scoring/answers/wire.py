"""What a score and its explanation look like as JSON, declared once.

The core builds these answers, the described API takes its components from them, and they are the types of the client.
They are dictionaries, so that a caller reads `result["scores"]["churn"]` on either side of the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from features.spec.feature import EffectKind, Scalar
from scoring.bundle.value_part import ValueOf
from scoring.encoding.notes import Note
from scoring.reasons.reason import Reason
from scoring.segments.names import Code, Named, SegmentPlace

Text = Annotated[str, Meta(min_length=1)]
Probability = Annotated[float, Meta(gt=0, lt=1, description="Calibrated.", examples=[0.312])]
Published = Annotated[float, Meta(ge=0.1, le=99.9, description="100 x the probability.", examples=[31.2])]
Percentile = Annotated[int, Meta(ge=1, le=100, description="In the reference population; 100: highest.", examples=[64])]
Version = Annotated[str, Meta(description="The version of the model.", examples=["4"])]
Moment = Annotated[str, Meta(description="In UTC.", examples=["2026-01-31T09:30:00.000Z"])]
AsOf = Annotated[
    str,
    Meta(
        description="The moment that the features speak of, UTC, of a customer known by id; where a stream moves it, "
        "when the last event was taken in.",
        examples=["2026-03-01T10:04:07.120Z"],
    ),
]
RequestId = Annotated[str, Meta(description="What the log knows the request by.", examples=["9f0c2e"])]
CustomerId = Annotated[
    Any,
    Meta(
        description="Text, or a whole number, which is answered with its text.",
        examples=["12", 12],
        extra_json_schema={"type": ["string", "integer"], "minLength": 1},
    ),
]
Status = Annotated[
    Literal["scored", "not_eligible", "insufficient_data", "stale", "opted_out", "unknown", "invalid"],
    Meta(description="All but the status and the version stands there only when it is `scored`; errors if `invalid`."),
]
FlatValue = str | int | float | None


class Profile(TypedDict):
    """A customer to score: every feature of the use case, null where missing."""

    customer_id: CustomerId
    features: Mapping[str, Scalar]


class NextBand(TypedDict):
    """The band above, where it begins, and how far away that is."""

    code: Code
    at: float
    distance: float


Comparison = Annotated[
    str,
    Meta(
        description="With the outcome's rate on the test rows, where reasons are asked for.",
        examples=["61%: above the average of 54%"],
    ),
]


class UpliftAnswer(TypedDict):
    """What a contact changes: the outcome's log-odds with and without it, and the difference of the probabilities."""

    uplift: Annotated[
        float, Meta(gt=-1, lt=1, description="The probability if treated less that if not.", examples=[0.042])
    ]
    log_odds_if_treated: Annotated[float, Meta(description="Calibrated; its probability is the score's own.")]
    log_odds_if_not: Annotated[float, Meta(description="Calibrated, by the model of those who were not treated.")]
    log_odds_difference: Annotated[float, Meta(description="The first log-odds less the second.")]
    log_odds_difference_reasons: Annotated[
        list[Reason],
        Meta(description="What adds up to the difference of the log-odds, the strongest first; not to `uplift`."),
    ]


class UpliftExplanation(UpliftAnswer):
    """Why: the base value and the sum of the contributions are the difference of the log-odds."""

    log_odds_difference_base_value: float
    log_odds_difference_contributions: dict[str, float]


Multiplier = Annotated[float, Meta(gt=0, description="Of a typical customer's value.", examples=[1.8])]


class ValueReasonPart(TypedDict):
    """What one feature of a family multiplies by."""

    feature: str
    value: Any
    multiplies_by: Multiplier


class ValueReason(TypedDict):
    """What one family of features multiplies a typical customer's value by, and in words."""

    code: str
    feature: str
    value: Any
    multiplies_by: Multiplier
    direction: Literal["raises", "lowers"]
    text: Annotated[Text, Meta(examples=["Last purchase 12 days ago: multiplies by 1.8"])]
    parts: list[ValueReasonPart]


class ValueAnswer(TypedDict):
    """What a customer is expected to bring within the horizon, from now on.

    `base` times every reason's `multiplies_by` times `other_factors` is the expected value; there where reasons are.
    """

    expected: Annotated[float, Meta(ge=0, description="Refunds taken off.", examples=[42.5])]
    low: Annotated[float, Meta(ge=0, description="Of a 90% interval of the average of customers so valued.")]
    high: Annotated[float, Meta(ge=0, description="The other end; one customer may bring nothing, or much more.")]
    horizon: Annotated[str, Meta(examples=["180d"])]
    currency: str | None
    of: Annotated[ValueOf, Meta(description="Profit only where the use case states a margin.")]
    reasons: list[ValueReason]
    base: NotRequired[Annotated[float, Meta(ge=0, description="What a typical customer brings.")]]
    other_factors: NotRequired[Annotated[float, Meta(gt=0, description="What all that is no reason multiplies by.")]]


class ValueExplanation(ValueAnswer):
    """Why: `base` times all factors is the expected value."""

    factors: Annotated[dict[str, Multiplier], Meta(description="By feature.")]


class DiscoveredReason(TypedDict):
    """What one feature adds to a margin: above zero it speaks for this cluster, below for the next."""

    code: str
    feature: str
    value: Any
    contribution: Annotated[
        float, Meta(description="Difference of squared distances, in squared units of scale.", examples=[1.37])
    ]
    text: Annotated[str, Meta(min_length=1, examples=["Last purchase 12 days ago"])]


class DiscoveredPlace(TypedDict):
    """The learned cluster that a customer is nearest to, how much nearer than to the next, and why."""

    code: Code
    label: str
    margin: Annotated[
        float,
        Meta(
            ge=0,
            description="How much farther the next cluster's centre is: the difference of the squared distances, in "
            "squared units of the features' scale. Near 0: at the border.",
            examples=[2.4],
        ),
    ]
    next: Annotated[Code, Meta(description="The cluster that is second nearest.")]
    reasons: Annotated[
        list[DiscoveredReason],
        Meta(description="Why this one and not the next, where reasons are asked for; they add up to the margin."),
    ]
    version: Annotated[str, Meta(description="Of the segmentation.", examples=["2"])]


Discovered = Annotated[
    dict[str, DiscoveredPlace],
    Meta(description="By segmentation; none where no segmentation is in service, or nothing is known of the customer."),
]


class Score(TypedDict):
    """One use case's answer."""

    status: Status
    probability: NotRequired[Probability]
    score: NotRequired[Published]
    percentile: NotRequired[Percentile]
    band: NotRequired[Named]
    next_band: NotRequired[NextBand | None]
    model_version: NotRequired[Version]
    trained_to: NotRequired[str | None]
    as_of: NotRequired[AsOf]
    warnings: NotRequired[list[Note]]
    reasons: NotRequired[list[Reason]]
    comparison: NotRequired[Comparison]
    uplift: NotRequired[UpliftAnswer]
    value: NotRequired[ValueAnswer]
    errors: NotRequired[list[Note]]


class Result(TypedDict):
    """One customer's answer; `invalid` where the profile itself is malformed."""

    customer_id: str | None
    status: Literal["ok", "invalid"]
    segment: SegmentPlace | None
    scores: Annotated[dict[str, Score], Meta(description="By use case.")]
    discovered: NotRequired[Discovered]
    errors: NotRequired[list[Note]]


FlatResult = Annotated[
    dict[str, FlatValue],
    Meta(
        description="One customer's answer, nothing nested: `customer_id`, `status`, `segment` (its code), `errors`, "
        "and each use case's columns of a scored file with its name before them, null where there is none.",
        examples=[
            {
                "customer_id": "12",
                "status": "ok",
                "segment": "at_risk",
                "errors": None,
                "churn_status": "scored",
                "churn_score": 31.2,
                "churn_reason_1_text": "Last purchase 12 days ago",
            }
        ],
    ),
]


class StatedEffect(TypedDict):
    """What a use case decides of people, and by whom: a score alone decides nothing."""

    effect: EffectKind
    human_decision: Annotated[str, Meta(min_length=1, description="Who decides by the scores, and how.")]


Effects = Annotated[
    dict[str, StatedEffect],
    Meta(description="By use case, where scores are of a benefit or a price; of marketing alone there is nothing."),
]


class Scores(TypedDict):
    """The answer of POST /v1/scores: one result a customer, in the order asked."""

    request_id: RequestId
    scored_at: Moment
    effects: NotRequired[Effects]
    results: list[Result]


class FlatScores(TypedDict):
    """The answer of POST /v1/scores where `flat` was asked for."""

    request_id: RequestId
    scored_at: Moment
    effects: NotRequired[Effects]
    results: list[FlatResult]


class RuleChange(TypedDict):
    """A segment whose own rule was true on one of two days only."""

    code: Code
    before: bool
    after: bool


class MovePoint(TypedDict):
    """Where a customer stood on a day; without a score where the status is another than `scored`."""

    day: Annotated[str, Meta(examples=["2026-03-01"])]
    status: Status | None
    score: Published | None
    probability: Probability | None
    segment: Named | None
    model_version: Version


MovePoints = TypedDict("MovePoints", {"from": MovePoint, "to": MovePoint})


class Move(MovePoints):
    """Why a customer's score and segment are others on one day than on an earlier one."""

    contributions: Annotated[
        dict[str, float],
        Meta(
            description="What each feature's change adds, in calibrated log-odds; `base` is what rounding leaves, "
            "`model` what another version of the model adds at the earlier values. Empty without both scores."
        ),
    ]
    sum: Annotated[float | None, Meta(description="Of all contributions: the change of the calibrated log-odds.")]
    rules: list[RuleChange]
    text: Text


class MoveAnswer(Move):
    """The answer of POST /v1/moves."""

    request_id: RequestId


class CalibrationPlace(TypedDict):
    """Calibrated log-odds are `a` x margin + `b`."""

    a: float
    b: float


class Answered(TypedDict):
    """What an answer says of itself."""

    request_id: RequestId
    scored_at: Moment


class PublishedScore(TypedDict):
    """What is published of a score by itself."""

    probability: Probability
    score: Published
    percentile: Percentile
    band: Named
    next_band: NextBand | None


class ExplainedScore(TypedDict):
    """Why: sigmoid(base_value + sum of contributions) is the probability."""

    use_case: str
    eligible: Annotated[bool, Meta(description="Whether the model speaks of this customer.")]
    base_value: float
    contributions: Annotated[dict[str, float], Meta(description="Calibrated log-odds by feature.")]
    margin: Annotated[float, Meta(description="The model's own log-odds, before calibration.")]
    calibration: CalibrationPlace
    probability: Probability
    score: Published
    percentile: Percentile
    band: Named
    next_band: NextBand | None
    reasons: list[Reason]
    model_version: Version
    trained_to: str | None
    warnings: list[Note]
    as_of: NotRequired[AsOf]
    comparison: NotRequired[Comparison]
    effect: NotRequired[EffectKind]
    human_decision: NotRequired[Annotated[str, Meta(description="Who decides by the score, and how.")]]
    uplift: NotRequired[UpliftExplanation]
    value: NotRequired[ValueExplanation]
    discovered: NotRequired[Discovered]


class Explanation(Answered, ExplainedScore):
    """Why: sigmoid(base_value + sum of contributions) is the probability."""
