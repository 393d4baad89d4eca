"""What the other routes answer, declared once; scores and explanations are in `scoring.answers.wire`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from features.spec.feature import EffectKind
from scoring.answers.wire import RequestId, Version
from scoring.encoding.notes import Note
from scoring.population.customer_history import CustomerHistory
from scoring.population.customer_pages import RankedCustomer
from scoring.segments.goals import StoredGoal
from scoring.segments.names import Code
from serving.customers.kept import ContestationLine, CustomerErased, CustomerExport, Facts, Size
from serving.customers.segment_report import Became, SnapshotFacts

Labels = Annotated[dict[str, str], Meta(description="By language.", examples=[{"fr": "À risque", "en": "At risk"}])]
Title = Annotated[
    dict[str, str],
    Meta(description="What people call it, by language.", examples=[{"fr": "Départs", "en": "Leaving customers"}]),
]
StatedOutcome = Annotated[
    dict[str, str],
    Meta(
        description="What a high score says of a customer, by language.",
        examples=[{"fr": "achète dans les 90 jours", "en": "buys within 90 days"}],
    ),
]
DayMoment = Annotated[str, Meta(description="The moment the day speaks of, UTC.", examples=["2026-03-01T00:00:00Z"])]


class ProblemDocument(TypedDict):
    """An error (RFC 9457): the rule, what arrived, and the id of the request."""

    type: Annotated[str, Meta(examples=["urn:penchant:problem:invalid-request"])]
    title: str
    status: Annotated[int, Meta(ge=400, le=599, examples=[422])]
    request_id: RequestId
    detail: NotRequired[str]
    errors: NotRequired[Annotated[list[Note], Meta(description="Every broken rule.")]]


class FeatureDocument(TypedDict):
    """A feature that a profile holds."""

    name: str
    type: Literal["number", "integer", "boolean", "category", "date"]
    unit: Annotated[str | None, Meta(examples=["days"])]
    nullable: bool
    description: str
    family: NotRequired[str]
    lower: NotRequired[float | None]
    upper: NotRequired[float | None]
    seen: NotRequired[Annotated[list[float] | None, Meta(description="The range met in training.")]]
    levels: NotRequired[list[str]]
    written: NotRequired[Annotated[Any, Meta(description="How its text is written, where it may be text.")]]


class UseCaseDocument(TypedDict):
    """A use case: its features, a body that works as it stands, bands, figures and limits."""

    name: str
    title: NotRequired[Title]
    outcome: NotRequired[StatedOutcome]
    polarity: Literal["positive", "negative"]
    model_version: Version
    features: list[FeatureDocument]
    example: Annotated[Facts, Meta(description="A body of POST /v1/scores that works as it stands.")]
    bands: Facts
    actions: NotRequired[
        Annotated[dict[str, Labels], Meta(description="What to do next with the customers of a band, by its code.")]
    ]
    metrics: Facts
    receipt: Facts
    usual_warnings: NotRequired[
        Annotated[list[Facts], Meta(description="Warnings of nearly all customers, which no answer repeats.")]
    ]
    effect: NotRequired[
        Annotated[EffectKind, Meta(description="What the scores decide of people; left out: marketing alone.")]
    ]
    human_decision: NotRequired[Annotated[str, Meta(description="Who decides by the scores, and how.")]]
    intended_use: Facts
    trained_to: NotRequired[str | None]
    kind: NotRequired[str]
    released_at: NotRequired[str | None]
    events: NotRequired[Annotated[Facts, Meta(description="What a posted history may hold, with an example.")]]


class UseCaseLine(TypedDict):
    """One use case in the list of them."""

    name: Annotated[str, Meta(examples=["churn"])]
    polarity: Literal["positive", "negative"]
    model_version: Version
    trained_to: NotRequired[str | None]
    href: Annotated[str, Meta(examples=["/v1/use-cases/churn"])]
    title: NotRequired[Title]
    outcome: NotRequired[StatedOutcome]


class UseCases(TypedDict):
    """The use cases that are served."""

    use_cases: list[UseCaseLine]


class SegmentDocument(TypedDict):
    """A segment: its rule, its size at the last snapshot, and what became of its members."""

    code: Code
    labels: Labels
    rule: str
    level: NotRequired[Literal[1, 2, 3]]
    parent: NotRequired[str | None]
    exclusive: NotRequired[bool]
    priority: NotRequired[int]
    action: NotRequired[Annotated[dict[str, str], Meta(description="The next step with a member, by language.")]]
    objective: NotRequired[str]
    owner: NotRequired[str]
    review_by: NotRequired[
        Annotated[str, Meta(description="When it must be looked at again.", examples=["2027-01-01"])]
    ]
    goal: NotRequired[Annotated[StoredGoal, Meta(description="What is wanted of its members, and until when.")]]
    size: NotRequired[Size | None]
    became: Became | None


class ComparedSnapshots(TypedDict):
    """The two snapshots that `became` compares, and the name of what was realised."""

    before: SnapshotFacts
    after: SnapshotFacts
    outcome: str | None


class Segments(TypedDict):
    """The segments in the order their rules are tried."""

    policy: str
    use_cases: list[str]
    segments: list[SegmentDocument]
    report: ComparedSnapshots | None


class CustomersExport(TypedDict):
    """The answer of POST /v1/customers/export."""

    request_id: RequestId
    customers: list[CustomerExport]


class ContestationAnswer(TypedDict):
    """The answer of POST /v1/customers/contestations: the line as it was written."""

    request_id: RequestId
    customer_id: str
    contestation: ContestationLine


class CustomersErased(TypedDict):
    """The answer of POST /v1/customers/erase."""

    request_id: RequestId
    customers: list[CustomerErased]


class CustomersListed(TypedDict):
    """The answer of GET /v1/customers and POST /v1/customers/search: a page of the day."""

    as_of: DayMoment
    total: Annotated[int, Meta(ge=0, description="How many there are on all pages.")]
    customers: list[RankedCustomer]
    next: Annotated[str | None, Meta(description="The cursor of the next page; null on the last one.")]


class CustomersLookedUp(TypedDict):
    """The answer of POST /v1/customers/lookup, in the order asked."""

    customers: list[CustomerHistory]


class ListMade(TypedDict):
    """The answer of POST /v1/lists: in its order, how many were left out and why, and the hold-out."""

    as_of: DayMoment
    use_case: str
    internal: Annotated[
        bool, Meta(description="Whether nobody's consent is known, so that nobody may be addressed by this list.")
    ]
    channel: str | None
    purpose: str | None
    members: Annotated[int, Meta(ge=0, description="Those on the list, and those left out.")]
    written: Annotated[int, Meta(ge=0, description="Those on the list.")]
    left_out: Annotated[
        dict[str, Size],
        Meta(description="By the first reason.", examples=[{"no_consent": 41, "suppressed": 2, "holdout": 30}]),
    ]
    holdout_ids: Annotated[list[str], Meta(description="The ids of the hold-out: do not contact them.")]
    salt: str | None
    campaign: Annotated[str | None, Meta(description="The id of the campaign that is kept; with a hold-out only.")]
    picked_by: NotRequired[
        Annotated[
            Literal["uplift"],
            Meta(description="There where a contact's effect chose and ordered the customers; else the score did."),
        ]
    ]
    customers: list[RankedCustomer]


class Alive(TypedDict):
    """The worker answers."""

    status: Literal["alive"]


class ServedVersion(TypedDict):
    """A use case that is served."""

    model_version: Version
    trained_to: str | None
    golden_rows: Size


class RefusedVersion(TypedDict):
    """A release that was refused."""

    version: str | None
    reason: str


class Ready(TypedDict):
    """Every use case in the release store is served."""

    status: Literal["ready"]
    use_cases: dict[str, ServedVersion]
    refused: dict[str, RefusedVersion]
    policy_refused: NotRequired[str]


class Anything(TypedDict):
    """A document that describes itself."""
