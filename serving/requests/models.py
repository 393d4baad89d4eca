"""The two requests as they must be: every broken rule of the request itself at once; bad rows are no concern here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from features.spec.ids import posted_id
from features.spec.languages import LANGUAGES, Language
from scoring.answers.score import MAX_REASONS
from scoring.encoding.block import Block
from scoring.encoding.value_rules import kind
from serving.http.problems import INVALID, Problem

MAX_PROFILES = 1000
_SCORES_KEYS = ("use_cases", "profiles", "customer_ids", "reasons", "language")
_CUSTOMERS_KEYS = ("customer_ids",)
_EXPLANATION_KEYS = ("use_case", "profile", "language")
Errors = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class ScoresRequest:
    """What POST /v1/scores was asked: of customers by their profiles, or by their ids."""

    profiles: Sequence[Any]
    customer_ids: list[str] | None
    use_cases: list[str] | None
    reasons: int
    language: Language

    @property
    def first(self) -> ScoresRequest:
        """The same request for its first customer alone."""
        return replace(self, profiles=self.profiles[:1], customer_ids=self.customer_ids and self.customer_ids[:1])


@dataclass(frozen=True, slots=True)
class ExplanationRequest:
    """What POST /v1/explanations was asked."""

    use_case: str
    profile: Any
    language: Language


def scores_request(body: Any) -> ScoresRequest:
    """The request of a decoded body.

    Raises:
        Problem: A 422 with every broken rule.
    """
    body = _root(body, _SCORES_KEYS)
    errors = _strangers(body, _SCORES_KEYS)
    use_cases = body.get("use_cases")
    reasons, language = body.get("reasons", 0), body.get("language", "en")
    errors += _whom(body)
    if use_cases is not None and not (isinstance(use_cases, list) and _distinct_names(use_cases)):
        errors.append(_error("use_cases", "Must be a list of at least one name, each once; leave it out for all."))
    if type(reasons) not in (int, float) or reasons not in range(MAX_REASONS + 1):  # 3.0 is a whole number too
        errors.append(_error("reasons", f"Must be a whole number from 0 to {MAX_REASONS}, got {_number(reasons)}."))
    errors += _language(language)
    _refuse(errors)
    ids = body.get("customer_ids")
    customers = ids and [customer for one in ids if (customer := posted_id(one))]
    return ScoresRequest(body.get("profiles") or [], customers, use_cases, int(reasons), language)


def explanation_request(body: Any) -> ExplanationRequest:
    """The request of a decoded body.

    Raises:
        Problem: A 422 with every broken rule.
    """
    body = _root(body, _EXPLANATION_KEYS)
    errors = _strangers(body, _EXPLANATION_KEYS)
    use_case, language = body.get("use_case"), body.get("language", "en")
    if type(use_case) is not str:
        errors.append(_error("use_case", f"Must be the name of a use case, got {kind(use_case)}."))
    if not isinstance(body.get("profile"), dict):
        errors.append(_error("profile", f"Must be an object, got {kind(body.get('profile'))}."))
    errors += _language(language)
    _refuse(errors)
    return ExplanationRequest(use_case, body["profile"], language)


def _whom(body: Mapping[str, Any]) -> Errors:
    """The rules of `profiles` and `customer_ids`, of which there is one; null is as good as left out."""
    profiles, ids = body.get("profiles"), body.get("customer_ids")
    if profiles is not None and ids is not None:
        return [_error("customer_ids", "Must be left out where there are `profiles`, got both.")]
    if ids is not None:
        return ids_errors(ids)
    count = len(profiles) if isinstance(profiles, (list, Block)) else None
    if count is not None and 1 <= count <= MAX_PROFILES:
        return []
    got = kind(profiles) if count is None else f"a list of {count}"
    or_ids = "" if profiles is not None else ", or left out where there are `customer_ids`"
    return [_error("profiles", f"Must be a list of 1 to {MAX_PROFILES} profiles{or_ids}, got {got}.")]


def ids_errors(ids: Any) -> Errors:
    """The rules that a list of customers' ids breaks."""
    if isinstance(ids, list) and 1 <= len(ids) <= MAX_PROFILES and all(map(posted_id, ids)):
        return []
    got = f"a list of {len(ids)}" if isinstance(ids, list) else kind(ids)
    return [
        _error(
            "customer_ids",
            f"Must be a list of 1 to {MAX_PROFILES} texts or whole numbers, none of them empty, got {got}.",
        )
    ]


def customers_request(body: Any) -> list[str]:
    """The ids of a decoded body of POST /v1/customers/export or erase.

    Raises:
        Problem: A 422 with every broken rule.
    """
    body = _root(body, _CUSTOMERS_KEYS)
    _refuse(_strangers(body, _CUSTOMERS_KEYS) + ids_errors(body.get("customer_ids")))
    return list(dict.fromkeys(customer for one in body["customer_ids"] if (customer := posted_id(one))))


def _root(body: Any, keys: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        _refuse([_error("", f"The body must be an object with some of {', '.join(keys)}, got {kind(body)}.")])
    return dict(body)


def _strangers(body: Mapping[str, Any], keys: tuple[str, ...]) -> Errors:
    count = len(body.keys() - set(keys))
    return [_error("", f"The body may hold {', '.join(keys)} only, got {count} other keys.")] if count else []


def _distinct_names(names: list[Any]) -> bool:
    return bool(names) and all(type(name) is str for name in names) and len(set(names)) == len(names)


def _number(value: Any) -> str:
    return "another number" if type(value) in (int, float) else kind(value)


def _language(language: Any) -> Errors:
    if type(language) is str and language in LANGUAGES:
        return []
    return [_error("language", f"Must be one of {', '.join(LANGUAGES)}, got {kind(language)} that is not.")]


def _error(field: str, detail: str) -> dict[str, str]:
    return {"code": "invalid_field", "field": field, "detail": detail}


def _refuse(errors: Errors) -> None:
    if errors:
        raise Problem(INVALID, " ".join(f"{e['field']}: {e['detail']}".lstrip(": ") for e in errors), errors=errors)
