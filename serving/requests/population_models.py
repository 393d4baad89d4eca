"""What may be asked of the population, declared once: parameters of a page, and bodies of search, look-up and lists."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from features.spec.ids import posted_id
from features.spec.languages import Language as LanguageCode
from scoring.answers.wire import CustomerId
from scoring.encoding.notes import Note
from scoring.encoding.value_rules import is_name, kind
from serving.http.problems import BAD_PARAMETER, Problem
from serving.requests.models import Language
from serving.requests.rules import Rule, object_of, request_of

MOST_LOOKED_UP = 100
MOST_LISTED = 100_000
_MOST_PAGE = 1000
_CLUSTER = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}[.][a-z][a-z0-9_]*$"
_CURSOR, _CODE, _WINDOW = "^[A-Za-z0-9_-]{23}$", "^[a-z][a-z0-9_]*$", "^[1-9][0-9]{0,3}[dw]$"


def _matches(pattern: str) -> Any:
    """Whether a text is of a pattern to its very end; what is left out is."""
    return lambda value: value is None or re.fullmatch(pattern.strip("^$"), value) is not None


def _first_without_id(ids: list[Any]) -> int | None:
    return next((position for position, one in enumerate(ids) if posted_id(one) is None), None)


Limit = Annotated[
    int,
    Meta(ge=1, le=_MOST_PAGE, description="How many customers a page has.", examples=[50]),
    Rule(f"Must be a whole number from 1 to {_MOST_PAGE}, got {{got}}.", got=kind),
]
CursorText = Annotated[
    Annotated[str, Meta(pattern=_CURSOR)] | None,
    Meta(description="The `next` of the page before; without it the first page."),
    Rule("Must be the `next` of a page, got {got}.", got=kind, holds=_matches(_CURSOR)),
]
SegmentCode = Annotated[
    Annotated[str, Meta(pattern=_CODE)] | None,
    Meta(description="Those in a segment, by its code.", examples=["at_risk"]),
    Rule("Must be the code of a segment, got {got}.", got=kind, holds=_matches(_CODE)),
]
GroupName = Annotated[
    Annotated[str, Meta(pattern=_CLUSTER)] | None,
    Meta(description="Those in a discovered group, by segmentation and code.", examples=["habits.group_2"]),
    Rule("Must be a segmentation and a group's code, got {got}.", got=kind, holds=_matches(_CLUSTER)),
]


class PageParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The parameters of GET /v1/customers."""

    use_case: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(description="Those whom it scored, the highest score first; left out: everybody, by id."),
        Rule("Must be the name of a use case, got {got}."),
    ] = None
    segment: SegmentCode = None
    band: Annotated[
        Annotated[str, Meta(pattern=_CODE)] | None,
        Meta(description="Those in a band of the use case, by its code.", examples=["high"]),
        Rule("Must be the code of a band, got {got}.", got=kind, holds=_matches(_CODE)),
    ] = None
    reason: Annotated[
        Annotated[str, Meta(pattern=_CODE)] | None,
        Meta(description="Those with a reason among the three of the use case, by its code.", examples=["recency"]),
        Rule("Must be the code of a reason, got {got}.", got=kind, holds=_matches(_CODE)),
    ] = None
    cluster: GroupName = None
    order: Annotated[
        Literal["-score", "score", "customer_id", "refresh", "-uplift", "-value"] | None,
        Meta(
            description="`-score`: the highest first, as where it is left out; `score`: the lowest first; `-uplift`: "
            "whom a contact changes most for the good first; `-value`: who will bring most first; `refresh`: "
            "those with missing cells of their own data alone, scored or not, the emptiest and stalest first."
        ),
        Rule("Must be -score, score, customer_id, refresh, -uplift or -value, got {got} that is none.", got=kind),
    ] = None
    limit: Limit = 50
    cursor: CursorText = None


class SearchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/customers/search: those whose id contains a text, in order of id."""

    contains: Annotated[
        str,
        Meta(min_length=1, max_length=200, description="A part of an id; blanks around it do not count."),
        Rule("Must be text of 1 to 200 characters, got {got}.", got=kind),
    ]
    limit: Limit = 50
    cursor: CursorText = None


class LookupRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/customers/lookup: what the days hold of customers."""

    customer_ids: Annotated[
        list[CustomerId],
        Meta(min_length=1, max_length=MOST_LOOKED_UP, description="Whom to look up in the days of the population."),
        Rule(
            f"Must be a list of 1 to {MOST_LOOKED_UP} texts or whole numbers, none of them empty, got {{got}}.",
            first_wrong=_first_without_id,
        ),
    ]
    language: Language = "en"


class ListRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/lists: the likeliest of the day, or by uplift where it has one; all stated must hold."""

    use_case: Annotated[str, Rule("Must be the name of a use case, got {got}.")]
    top: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_LISTED)] | None,
        Meta(description="So many of those who may be addressed; the hold-out is among them.", examples=[300]),
        Rule(f"Must be a whole number from 1 to {MOST_LISTED:,}, got {{got}}.", got=kind),
    ] = None
    threshold: Annotated[
        Annotated[float, Meta(gt=0, lt=1)] | None,
        Meta(description="The least probability.", examples=[0.4]),
        Rule("Must be a probability within (0, 1), got {got}.", got=kind),
    ] = None
    segment: SegmentCode = None
    cluster: GroupName = None
    holdout: Annotated[
        float,
        Meta(ge=0, lt=1, description="The share to keep off the list, to measure what it does.", examples=[0.1]),
        Rule("Must be a share in [0, 1), got {got}.", got=kind),
    ] = 0.0
    salt: Annotated[
        Annotated[str, Meta(min_length=1, max_length=100)] | None,
        Meta(description="Which share it is, new for each list; left out: a random one, which the answer has."),
        Rule("Must be text of 1 to 100 characters, got {got}.", got=kind),
    ] = None
    window: Annotated[
        Annotated[str, Meta(pattern=_WINDOW)] | None,
        Meta(description="In which answers count; left out: the span that is predicted.", examples=["90d"]),
        Rule("Must be days or weeks such as 90d or 13w, got {got}.", got=kind, holds=_matches(_WINDOW)),
    ] = None
    metric: Annotated[
        Annotated[str, Meta(min_length=1, max_length=100)] | None,
        Meta(description="Which event an answer is; left out: the one that is predicted.", examples=["purchase"]),
        Rule("Must be text of 1 to 100 characters, got {got}.", got=kind),
    ] = None
    planned_look: Annotated[
        date | None,
        Meta(
            description="When the effect is to be looked at; left out: at the end of the window.",
            examples=["2026-06-01"],
        ),
        Rule("Must be a date such as 2026-06-01, got {got}.", got=kind),
    ] = None


def page_parameters(pairs: Sequence[tuple[str, str]]) -> PageParameters:
    """The parameters of an address, by name and value as they came.

    Raises:
        Problem: A 400 that names each that is unknown, repeated or not what it must be; never a value.
    """
    names = Counter(name for name, _ in pairs)
    known = PageParameters.__struct_fields__
    errors = [_note(name, f"A query may hold {', '.join(known)} only, got") for name in names if name not in known]
    errors += [_note(name, "A parameter must stand once, got it again as") for name in known if names[name] > 1]
    values: dict[str, str | int] = {name: value for name, value in pairs if name in known}
    if re.fullmatch("[0-9]{1,9}", limit := str(values.get("limit", ""))):
        values["limit"] = int(limit)
    try:
        asked = request_of(PageParameters, values)
    except Problem as problem:
        errors += [_broken(note["field"], note["detail"]) for note in problem.errors]
    if errors:
        raise Problem(BAD_PARAMETER, " ".join(f"{e['field']}: {e['detail']}" for e in errors), errors=errors)
    return asked


def _note(name: str, rule: str) -> Note:
    """A broken rule; an unknown name may be a customer's value, and is repeated only where it looks like a name."""
    shown = name if is_name(name) else ""
    return _broken(shown, f"{rule} {shown or 'another'}.")


def _broken(name: str, detail: str) -> Note:
    return {"code": "invalid_parameter", "field": name, "detail": detail}


def search_request(body: Any) -> SearchRequest:
    """The request of a decoded body of POST /v1/customers/search; raises a 422 with every broken rule."""
    return request_of(SearchRequest, object_of(SearchRequest, body))


def lookup_request(body: Any) -> tuple[list[str], LanguageCode]:
    """The ids of a decoded body of POST /v1/customers/lookup, each once, and the language of words.

    Raises:
        Problem: A 422 with every broken rule.
    """
    asked = request_of(LookupRequest, object_of(LookupRequest, body))
    return list(dict.fromkeys(customer for one in asked.customer_ids if (customer := posted_id(one)))), asked.language


def list_request(body: Any) -> ListRequest:
    """The request of a decoded body of POST /v1/lists; raises a 422 with every broken rule."""
    return request_of(ListRequest, object_of(ListRequest, body))


# As in `models`: looked up before several threads do.
for _shape in (PageParameters, SearchRequest, LookupRequest, ListRequest):
    msgspec.json.Decoder(_shape)
