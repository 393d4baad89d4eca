"""What is kept of a customer, and what was erased, as the routes answer it and the commands print it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from scoring.answers.wire import Published, RequestId, StatedEffect, Version
from scoring.segments.names import Code

Size = Annotated[int, Meta(ge=0)]
Facts = dict[str, Any]  # an object of any keys, as the described API has it


class CopyError(ValueError):
    """The copy for a person cannot be made: a day, a campaign or a rule of the home cannot be read."""


class RequestDocument(TypedDict):
    """A file of examples: a body of POST /v1/scores."""

    profiles: list[Facts]


class DecisionLine(TypedDict):
    """One score that was given."""

    at: str
    request_id: RequestId
    caller: Annotated[str | None, Meta(description="The name of the key.")]
    use_case: str
    model_version: Version
    score: Published
    band: Code
    segment: str | None
    reasons: list[str]


ContestationOutcome = Literal["open", "kept", "changed"]


class ContestationLine(TypedDict):
    """What a person said against a score, or how that was answered; a line is never changed."""

    at: str
    use_case: str
    request_id: Annotated[str | None, Meta(description="Of the call that gave the score; null for one of a day.")]
    outcome: Annotated[
        ContestationOutcome,
        Meta(description="`open`: it waits for an answer; `kept` or `changed`: how a person decided."),
    ]
    by: Annotated[str, Meta(description="Who took it down, or who decided.")]
    caller: Annotated[str | None, Meta(description="The name of the key.")]
    text: Annotated[str, Meta(description="What was said, or the answer.")]


class StoredFeatures(TypedDict):
    """A row of the online store."""

    as_of: str
    features: Facts


class RequestFile(TypedDict):
    """A file of examples that names the customer."""

    file: str
    profile: Facts


class ListedContact(TypedDict):
    """A list that the customer was on."""

    at: str
    what: Annotated[str, Meta(description="The use case or the segment that it was of.")]


class HandedOver(TypedDict):
    """What a tool that sends was handed of the customer."""

    destination: str
    what: Annotated[Literal["member", "change"], Meta(description="A row of an audience, or changes of segment.")]
    fields: Annotated[list[str], Meta(description="What left, by name.")]
    at: Annotated[str, Meta(description="The first time.")]
    last_at: Annotated[str, Meta(description="The last time.")]
    removed_at: Annotated[str | None, Meta(description="When the tool had removed it; null while it has it.")]


class FeatureShare(TypedDict):
    """What one feature added to a score, in calibrated log-odds; none is left unnamed."""

    feature: str
    value: Annotated[Any, Meta(description="As it was scored; null where it was not known.")]
    text: str
    contribution: float


class PersonScore(TypedDict):
    """A score that is kept, or would be answered now: sigmoid(base_value + sum of contributions) is the probability."""

    use_case: str
    title: str
    origin: Annotated[
        Literal["day", "answer", "now"],
        Meta(description="Of a day, of the decisions log, or as it would be answered now from what is stored."),
    ]
    at: str
    model_version: Version
    score: Published
    probability: float | None
    percentile: int | None
    band: Code
    band_label: str
    segment: str | None
    base_value: float | None
    contributions: Annotated[
        list[FeatureShare] | None,
        Meta(description="Of all features, the strongest first; null where what was scored is not kept any more."),
    ]
    kept_until: Annotated[str | None, Meta(description="The last date at most.")]
    contributions_until: str | None


class PersonSegment(TypedDict):
    """The segment of a day."""

    at: str
    code: str
    label: str


class PersonList(TypedDict):
    """A list that the customer was on."""

    at: str
    what: str
    kept_until: str


class PersonDelivery(HandedOver):
    """What a tool that sends was handed of the customer, and until when that is known."""

    kept_until: Annotated[str | None, Meta(description="Null while the tool has it.")]


class PersonCampaign(TypedDict):
    """A campaign in which the customer was drawn: which arm, and what it was made of."""

    id: str
    at: str
    use_case: str
    arm: str
    kept_until: str


class PersonSource(TypedDict):
    """Where what is known of customers comes from, by the name of its file or table."""

    use_case: str
    what: Literal["events", "profiles", "table", "links", "contacts"]
    name: str


class PersonCopy(TypedDict):
    """What a person is given on asking (GDPR art. 15), as data and as a page to print."""

    language: str
    made_at: str
    scores: list[PersonScore]
    now: list[PersonScore]
    segments: list[PersonSegment]
    lists: list[PersonList]
    deliveries: list[PersonDelivery]
    campaigns: list[PersonCampaign]
    sources: list[PersonSource]
    effects: Annotated[dict[str, StatedEffect], Meta(description="Use cases by which a price or a benefit is decided.")]
    page: Annotated[str, Meta(description="The same as HTML that needs nothing else.")]


class CustomerExport(TypedDict):
    """All that is kept of one customer."""

    customer_id: str
    store: list[StoredFeatures]
    decisions: list[DecisionLine]
    contestations: list[ContestationLine]
    population: Annotated[
        list[Facts], Meta(description="Scores, reasons and features by day, as the daily run wrote them.")
    ]
    opted_out: bool
    erased_at: str | None
    requests: list[RequestFile]
    lists: NotRequired[Annotated[list[ListedContact], Meta(description="Where the customer was on any.")]]
    deliveries: NotRequired[
        Annotated[list[HandedOver], Meta(description="Where tools that send were handed anything of the customer.")]
    ]
    stream: NotRequired[Annotated[list[Facts], Meta(description="Events that a stream took in, as they came.")]]
    copy: NotRequired[Annotated[PersonCopy, Meta(description="Where a language was asked for.")]]


class CustomerErased(TypedDict):
    """What was erased of one customer."""

    customer_id: str
    removed: Annotated[dict[str, Size], Meta(description="How many rows, by where they were.")]
    pending: Annotated[
        bool, Meta(description="Whether bytes are still to be written over, which nobody is given any more.")
    ]
