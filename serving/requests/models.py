"""What may be asked over HTTP, declared once: the checks, the described API and the client follow these types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from features.spec.ids import posted_id
from features.spec.languages import LANGUAGES
from features.spec.languages import Language as LanguageCode
from scoring.answers.score import MAX_REASONS
from scoring.answers.wire import CustomerId
from scoring.encoding.value_rules import kind
from serving.requests.rules import Rule, object_of, request_of

MAX_PROFILES = 1000
MAX_TEXT = 4000
_FILLED = r"\S"  # a text that holds more than blanks


def _distinct(names: list[str] | None) -> bool:
    return names is None or len(set(names)) == len(names)


def _names_somebody(value: Any) -> bool:
    return posted_id(value) is not None


def _first_without_id(ids: list[Any]) -> int | None:
    """The position of the first value that names nobody."""
    return next((position for position, one in enumerate(ids) if not _names_somebody(one)), None)


def _number(value: Any) -> str:
    return "another number" if type(value) in (int, float) else kind(value)


Language = Annotated[
    LanguageCode,
    Meta(description="Of labels and reasons."),
    Rule(f"Must be one of {', '.join(LANGUAGES)}, got {{got}} that is not.", got=kind),
]
Profiles = Annotated[
    list[Any],
    Meta(
        min_length=1, max_length=MAX_PROFILES, description="One that is malformed is `invalid`, the others are scored."
    ),
    Rule(
        f"Must be a list of 1 to {MAX_PROFILES} profiles{{absent}}, got {{got}}.",
        absent=", or left out where there are `customer_ids`",
    ),
]
CustomerIds = Annotated[
    list[CustomerId],
    Meta(min_length=1, max_length=MAX_PROFILES, description="Whom to look up in the online store."),
    Rule(
        f"Must be a list of 1 to {MAX_PROFILES} texts or whole numbers, none of them empty, got {{got}}.",
        first_wrong=_first_without_id,
    ),
]


class ScoringOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is asked of every customer of a request."""

    use_cases: Annotated[
        Annotated[
            list[str], Meta(min_length=1, extra_json_schema={"uniqueItems": True}, examples=[["churn", "propensity"]])
        ]
        | None,
        Meta(description="Left out: for each customer those all of whose features are there."),
        Rule("Must be a list of at least one name, each once; leave it out for all.", holds=_distinct),
    ] = None
    reasons: Annotated[
        int,
        Meta(ge=0, le=MAX_REASONS, description="How many reasons a score, the heaviest first.", examples=[3]),
        Rule(f"Must be a whole number from 0 to {MAX_REASONS}, got {{got}}.", got=_number),
    ] = 0
    language: Language = "en"
    flat: Annotated[
        bool,
        Meta(description="Whether each result is one level of `churn_score`, `churn_reason_1_text` and so on."),
        Rule("Must be true or false, got {got}."),
    ] = False


class ScoresByProfiles(ScoringOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/scores with the customers' features, or their raw events."""

    profiles: Profiles
    customer_ids: Annotated[None, Rule("Must be left out where there are `profiles`, got both.")] = None

    @property
    def count(self) -> int:
        """How many customers."""
        return len(self.profiles)

    @property
    def first(self) -> ScoresByProfiles:
        """The same request for its first customer alone."""
        return msgspec.structs.replace(self, profiles=self.profiles[:1])


class ScoresByIds(ScoringOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/scores by id, from the online store."""

    customer_ids: CustomerIds
    profiles: Annotated[None, Rule("Must be left out where there are `customer_ids`.")] = None

    @property
    def count(self) -> int:
        """How many customers."""
        return len(self.customer_ids)

    @property
    def first(self) -> ScoresByIds:
        """The same request for its first customer alone."""
        return msgspec.structs.replace(self, customer_ids=self.customer_ids[:1])


class ExplanationOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is asked of the one customer of a request."""

    use_case: Annotated[str, Rule("Must be the name of a use case, got {got}.")]
    language: Language = "en"


class ExplanationOfProfile(ExplanationOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/explanations with the customer's features, or raw events."""

    profile: Annotated[
        dict[str, Any],
        Rule("Must be an object{absent}, got {got}.", absent=", or left out where there is a `customer_id`"),
    ]
    customer_id: Annotated[None, Rule("Must be left out where there is a `profile`, got both.")] = None


class ExplanationById(ExplanationOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/explanations by id, from the online store."""

    customer_id: Annotated[
        CustomerId,
        Rule("Must be text that is not empty, or a whole number, got {got}.", holds=_names_somebody),
    ]
    profile: Annotated[None, Rule("Must be left out where there is a `customer_id`.")] = None


class CustomersRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/customers/erase."""

    customer_ids: CustomerIds


class ExportRequest(CustomersRequest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/customers/export, with the copy for each person where a language is asked for."""

    language: Annotated[
        LanguageCode | None,
        Meta(description="Of the copy to hand over, as data and as a page to print; left out: no copy."),
        Rule(f"Must be one of {', '.join(LANGUAGES)}, got {{got}} that is not.", got=kind),
    ] = None


class ContestationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/customers/contestations: what a customer says against a score, or how a person answered."""

    customer_id: Annotated[
        CustomerId,
        Rule("Must be text that is not empty, or a whole number, got {got}.", holds=_names_somebody),
    ]
    use_case: Annotated[str, Rule("Must be the name of a use case, got {got}.")]
    text: Annotated[
        Annotated[str, Meta(pattern=_FILLED, max_length=MAX_TEXT)],
        Meta(description="What was said, or the answer.", examples=["I have been a customer for ten years."]),
        Rule(f"Must be text of 1 to {MAX_TEXT:,} signs, got {{got}}."),
    ]
    by: Annotated[
        Annotated[str, Meta(pattern=_FILLED, max_length=200)],
        Meta(description="Who took it down, or who decided.", examples=["Jeanne Martin, customer care"]),
        Rule("Must be the name of a person in at most 200 signs, got {got}."),
    ]
    outcome: Annotated[
        Literal["open", "kept", "changed"],
        Meta(description="`open`: it waits for an answer; `kept` or `changed`: how a person decided."),
        Rule("Must be open, kept or changed, got {got} that is none.", got=kind),
    ] = "open"
    request_id: Annotated[
        Annotated[str, Meta(pattern=_FILLED)] | None,
        Meta(description="Of the call that gave the score; left out for a score of a day."),
        Rule("Must be the request_id of an answer, got {got}.", got=kind),
    ] = None


Day = Annotated[
    str,
    Meta(min_length=1, description="A day whose features are kept: its name, date or moment.", examples=["2026-03-01"]),
    Rule("Must be a day, as 2026-03-01, or a moment, got {got}.", got=kind),
]


class MoveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/moves: why a customer's score and segment changed between two days of the population."""

    use_case: Annotated[str, Rule("Must be the name of a use case, got {got}.")]
    customer_id: Annotated[
        CustomerId,
        Rule("Must be text that is not empty, or a whole number, got {got}.", holds=_names_somebody),
    ]
    first: Day = msgspec.field(name="from")
    last: Day = msgspec.field(name="to")
    language: Language = "en"


ScoresRequest = ScoresByProfiles | ScoresByIds
ExplanationRequest = ExplanationOfProfile | ExplanationById


def scores_request(body: Any) -> ScoresRequest:
    """The request of a decoded body of POST /v1/scores; null is as good as left out.

    Raises:
        Problem: A 422 with every broken rule.
    """
    body = object_of(ScoresByProfiles, body)
    if body.get("profiles") is not None or body.get("customer_ids") is None:
        return request_of(ScoresByProfiles, body)
    asked = request_of(ScoresByIds, body)
    return msgspec.structs.replace(asked, customer_ids=_texts(asked.customer_ids))


def explanation_request(body: Any) -> ExplanationRequest:
    """The request of a decoded body of POST /v1/explanations.

    Raises:
        Problem: A 422 with every broken rule.
    """
    body = object_of(ExplanationOfProfile, body)
    if body.get("profile") is not None or body.get("customer_id") is None:
        return request_of(ExplanationOfProfile, body)
    asked = request_of(ExplanationById, body)
    return msgspec.structs.replace(asked, customer_id=posted_id(asked.customer_id))


def customers_request(body: Any) -> list[str]:
    """The ids of a decoded body of POST /v1/customers/erase, each once.

    Raises:
        Problem: A 422 with every broken rule.
    """
    asked = request_of(CustomersRequest, object_of(CustomersRequest, body))
    return list(dict.fromkeys(_texts(asked.customer_ids)))


def export_request(body: Any) -> ExportRequest:
    """The request of a decoded body of POST /v1/customers/export, each id once.

    Raises:
        Problem: A 422 with every broken rule.
    """
    asked = request_of(ExportRequest, object_of(ExportRequest, body))
    return msgspec.structs.replace(asked, customer_ids=list(dict.fromkeys(_texts(asked.customer_ids))))


def contestation_request(body: Any) -> ContestationRequest:
    """The request of a decoded body of POST /v1/customers/contestations.

    Raises:
        Problem: A 422 with every broken rule.
    """
    asked = request_of(ContestationRequest, object_of(ContestationRequest, body))
    return msgspec.structs.replace(asked, customer_id=posted_id(asked.customer_id))


def move_request(body: Any) -> MoveRequest:
    """The request of a decoded body of POST /v1/moves.

    Raises:
        Problem: A 422 with every broken rule.
    """
    asked = request_of(MoveRequest, object_of(MoveRequest, body))
    return msgspec.structs.replace(asked, customer_id=posted_id(asked.customer_id))


def _texts(ids: list[Any]) -> list[str]:
    return [customer for one in ids if (customer := posted_id(one))]


# msgspec looks a type up when it is first used, and crashes where two threads do that at once: here it is done before.
for _shape in (
    *(ScoresByProfiles, ScoresByIds, ExplanationOfProfile, ExplanationById, CustomersRequest, ContestationRequest),
    *(ExportRequest, MoveRequest),
):
    msgspec.json.Decoder(_shape)
