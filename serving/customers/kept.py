"""What is kept of a customer, and what was erased, as the routes answer it and the commands print it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from scoring.answers.wire import Published, RequestId, Version
from scoring.segments.names import Code

Size = Annotated[int, Meta(ge=0)]
Facts = dict[str, Any]  # an object of any keys, as the described API has it


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


class CustomerErased(TypedDict):
    """What was erased of one customer."""

    customer_id: str
    removed: Annotated[dict[str, Size], Meta(description="How many rows, by where they were.")]
    pending: Annotated[
        bool, Meta(description="Whether bytes are still to be written over, which nobody is given any more.")
    ]
