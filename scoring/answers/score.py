"""Scores of profiles as answers: the same for every caller, whichever endpoint they came by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from features.spec.feature import CUSTOMER_ID, Row
from features.spec.ids import posted_id
from features.spec.languages import LANGUAGES, Language
from scoring.answers.discovered import discover, discovered_field
from scoring.answers.discovered_alone import Alone, discover_alone
from scoring.answers.prepared_profile import PreparedProfile
from scoring.answers.served_release import Live, score_matrix
from scoring.answers.wire import Result, Score
from scoring.encoding.block import Block
from scoring.encoding.encoder import Encoded, stranger
from scoring.encoding.notes import Note
from scoring.encoding.value_rules import other_keys
from scoring.encoding.vectorised import Posted
from scoring.errors import PolicyFailedError, RequestError
from scoring.segments.assignment import DEFAULT, assign_all, assign_one, discovered_of, field_of
from scoring.segments.policy import Assignment, Policy

MAX_REASONS = 20
NOBODY: Mapping[str, Alone] = MappingProxyType({})
_PROFILE_KEYS = {CUSTOMER_ID, "features"}


def score_profiles(
    live: Mapping[str, Live],
    profiles: Sequence[Any],
    *,
    use_cases: Sequence[str] | None = None,
    reasons: int = 0,
    language: Language = "en",
    policy: Policy = DEFAULT,
    alone: Mapping[str, Alone] = NOBODY,
) -> list[Result]:
    """The `results` of POST /v1/scores: one answer a profile, in order; a bad row never fails the others.

    Args:
        live: The releases being served, by use case.
        profiles: What was posted, of any shape, or a block of profiles of one shape.
        use_cases: Which to score; None: for each row those all of whose features are there.
        reasons: How many reasons a score, 0..20.
        language: Of labels and reasons.
        policy: Whose segments are named.
        alone: Segmentations by which posted profiles are placed that fit no use case but hold all of their features.

    Raises:
        RequestError: A use case is unknown, or the number of reasons or the language is not allowed.
        PolicyFailedError: A rule of the policy does not fit the values it reads.
    """
    check_request(live, use_cases=use_cases, reasons=reasons, language=language)
    if isinstance(profiles, Block) and (names := fitting_whole(live, profiles, use_cases)):
        return _score_block(live, profiles, names, reasons, language, policy)
    answers = [opening(profile) for profile in profiles]
    asked = [_asked(live, answer, profile, use_cases, alone) for answer, profile in zip(answers, profiles, strict=True)]
    for name, served in live.items():
        rows = [row for row, names in enumerate(asked) if name in names]
        if rows:
            features = [features_of(live, profiles[row], name, asked[row]) for row in rows]
            encoded = served.scorer.encoder.rows(features)
            scored = score_matrix(served, encoded.matrix, reasons, language)  # an invalid row is missing throughout
            for row, score in zip(rows, _with_notes(scored, encoded), strict=True):
                answers[row]["scores"][name] = score
            if served.discovering:
                discover(served.discovering, name, [answers[row] for row in rows], encoded.matrix, reasons, language)
    if alone:
        left = [row for row, names in enumerate(asked) if not names and _is_whole(answers[row], profiles[row])]
        discover_alone(
            alone, [answers[row] for row in left], [profiles[row]["features"] for row in left], reasons, language
        )
    name_segments(policy, live, answers, profiles, language)
    _note_moments(answers, profiles)
    return answers


def _note_moments(answers: Sequence[Result], profiles: Sequence[Any]) -> None:
    """Says of what moment the features speak that were found rather than posted."""
    for answer, profile in zip(answers, profiles, strict=True):
        if isinstance(profile, PreparedProfile):
            for name, moment in profile.moments.items():
                answer["scores"][name] = {**answer["scores"][name], "as_of": moment}


def fitting_whole(live: Mapping[str, Live], block: Block, use_cases: Sequence[str] | None) -> list[str]:
    """The use cases to score a block for; none unless its features are theirs, all of them and no other."""
    given = frozenset(block.names)
    names = [name for name, served in live.items() if name in (use_cases or live)]
    names = names if use_cases else [name for name in names if live[name].scorer.encoder.names <= given]
    asked = frozenset(feature for name in names for feature in live[name].scorer.encoder.shape)
    return names if asked == frozenset(block.shape) else []


def _score_block(
    live: Mapping[str, Live], block: Block, names: Sequence[str], reasons: int, language: Language, policy: Policy
) -> list[Result]:
    answers = [_blank(customer, [], {}) for customer in block.customers]
    for name in names:
        encoded = live[name].scorer.encoder.block(block)
        scored = score_matrix(live[name], encoded.matrix, reasons, language)
        for answer, score in zip(answers, _with_notes(scored, encoded), strict=True):
            answer["scores"][name] = score
        discover(live[name].discovering, name, answers, encoded.matrix, reasons, language)
    name_segments(policy, live, answers, block, language)
    return answers


def features_of(live: Mapping[str, Live], profile: Any, name: str, use_cases: frozenset[str]) -> Posted:
    """A row's features for one use case, and the names it may hold: those of every use case it is scored for."""
    if isinstance(profile, PreparedProfile):
        return profile.features[name], frozenset()
    if len(use_cases) == 1:
        return profile["features"], frozenset()
    return profile["features"], frozenset().union(*(live[other].scorer.encoder.posted for other in use_cases))


def check_request(live: Mapping[str, Live], *, use_cases: Sequence[str] | None, reasons: int, language: str) -> None:
    """Raises RequestError with every rule the request itself breaks."""
    broken = []
    if not 0 <= reasons <= MAX_REASONS:
        broken.append(f"`reasons` must lie in 0..{MAX_REASONS}, got {reasons}.")
    if language not in LANGUAGES:
        broken.append("`language` must be one of en, fr, got another.")
    if use_cases is not None and not use_cases:
        broken.append("`use_cases` must name at least one use case, got none; leave it out for all that fit.")
    unknown = [name for name in use_cases or () if name not in live]
    if unknown:
        served = ", ".join(sorted(live)) or "none"
        broken.append(f"`use_cases` must be among those served ({served}), got {len(unknown)} that are not.")
    if broken:
        raise RequestError(*broken)


def opening(profile: Any) -> Result:
    """An answer before any score: whose it is, and the errors of a profile of the wrong shape."""
    if isinstance(profile, PreparedProfile):
        answered = {name: answer.copy() for name, answer in profile.answers.items()}
        return _blank(profile.customer_id, list(profile.errors), answered)
    if not isinstance(profile, dict):
        detail = "A profile must be an object with `customer_id` and `features`, or `events` and `as_of`."
        return _blank(None, [_shape(detail)], {})
    posted = profile.get(CUSTOMER_ID)
    customer = posted_id(posted)
    errors: list[Note] = []
    if customer is None:
        errors.append(_shape("`customer_id` must be text that is not empty, or a whole number.", CUSTOMER_ID))
    if not isinstance(profile.get("features"), dict):
        errors.append(_shape("`features` must be an object with a value for every feature.", "features"))
    if profile.keys() != _PROFILE_KEYS and (others := [key for key in profile if key not in _PROFILE_KEYS]):
        errors.append(_shape(f"A profile holds `customer_id` and `features`, got {other_keys(others)}."))
    return _blank(posted if customer is None and isinstance(posted, str) else customer, errors, {})


def _blank(customer: str | None, errors: list[Note], scores: dict[str, Score]) -> Result:
    """An answer without a segment, and without scores where there are errors."""
    if errors:
        return {"customer_id": customer, "status": "invalid", "segment": None, "scores": {}, "errors": errors}
    return {"customer_id": customer, "status": "ok", "segment": None, "scores": scores}


def _is_whole(answer: Result, profile: Any) -> bool:
    """Whether a row is a posted profile of a good shape."""
    return answer["status"] == "ok" and not isinstance(profile, PreparedProfile)


def _asked(
    live: Mapping[str, Live],
    answer: Result,
    profile: Any,
    use_cases: Sequence[str] | None,
    alone: Mapping[str, Alone],
) -> frozenset[str]:
    """The use cases to score for one row; a row that fits none, nor a segmentation alone, is invalid."""
    if answer["status"] == "invalid":
        return frozenset()
    if isinstance(profile, PreparedProfile):
        return frozenset(profile.features)
    if use_cases is not None:
        return frozenset(use_cases)
    fitting = frozenset(name for name, served in live.items() if not served.scorer.encoder.lacking(profile["features"]))
    if not fitting and all(one.encoder.lacking(profile["features"]) for one in alone.values()):
        answer["status"] = "invalid"
        answer["errors"] = _lacking(live, alone, profile["features"])
    return fitting


def _lacking(live: Mapping[str, Live], alone: Mapping[str, Alone], features: Row) -> list[Note]:
    """What keeps a row from the use case or segmentation it is closest to, and names that neither knows."""
    encoders = {name: one.encoder for name, one in alone.items()}
    encoders |= {name: served.scorer.encoder for name, served in live.items()}
    missing = {name: encoder.lacking(features) for name, encoder in encoders.items()}
    closest = min(missing, key=lambda name: (len(missing[name]), name))
    rule = f"`features` must hold every feature of at least one use case, null where missing; {closest} is closest"
    lacking: list[Note] = [
        {"code": "missing_feature", "feature": name, "detail": f"{rule} and lacks this one."}
        for name in sorted(missing[closest])
    ]
    known = frozenset[str]().union(*(encoder.posted for encoder in encoders.values()))
    return [*lacking, *(stranger(name) for name in features if name not in known)]


def _with_notes(answers: list[Score], encoded: Encoded) -> list[Score]:
    """One use case's answers with the warnings of their rows; `invalid` where a row breaks a rule."""
    for row, warnings in encoded.warnings.items():
        if answers[row]["status"] == "scored":
            answers[row]["warnings"] = warnings
    for row, errors in encoded.errors.items():
        answers[row] = {"status": "invalid", "errors": errors}
    return answers


def name_segments(
    policy: Policy,
    live: Mapping[str, Live],
    answers: list[Result],
    profiles: Sequence[Any],
    language: Language,
) -> None:
    """Gives each row its segment; null unless every use case of the policy was asked and covers the customer.

    Raises:
        PolicyFailedError: A rule of the policy does not fit the values it reads.
    """
    needed = frozenset(policy.use_cases)
    rows = [row for row, answer in enumerate(answers) if needed <= answer["scores"].keys()]
    if not rows:
        return
    scores = {name: [answers[row]["scores"][name] for row in rows] for name in policy.use_cases}

    def read(name: str) -> list[Any]:
        if parts := field_of(name):
            return live[parts[0]].fields(scores[parts[0]], parts[1])
        if field := discovered_of(name):
            return discovered_field([answers[row] for row in rows], field)
        if isinstance(profiles, Block):
            column = profiles.column(name)
            return as_scored(live, name, [column[row] for row in rows])
        return as_scored(live, name, [_feature(profiles[row], name) for row in rows])

    with policy_faults(policy):
        assignments = _assigned(policy, scores, len(rows), read)
    alike = {id(assigned): assigned for assigned in assignments}  # few: who stand alike share one
    places = {known: assigned.to_answer(language) for known, assigned in alike.items()}
    for row, assigned in zip(rows, assignments, strict=True):
        answers[row]["segment"] = places[id(assigned)]


@contextmanager
def policy_faults(policy: Policy) -> Iterator[None]:
    """Turns the fault of a rule that does not fit the values it reads into a PolicyFailedError."""
    try:
        yield
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise PolicyFailedError(f"The policy {policy.version} named no segments ({type(error).__name__}).") from error


def _assigned(
    policy: Policy, scores: Mapping[str, Sequence[Score]], count: int, read: Callable[[str], list[Any]]
) -> Sequence[Assignment]:
    """Where customers stand; one alone without arrays, which cost more than its answer."""
    statuses = {name: [score["status"] for score in answered] for name, answered in scores.items()}
    if count > 1:
        return assign_all(policy, statuses, read)
    return [assign_one(policy, {name: status for name, (status,) in statuses.items()}, lambda name: read(name)[0])]


def _feature(profile: Any, name: str) -> Any:
    """A feature's value as a segment's rule reads it."""
    if isinstance(profile, PreparedProfile):
        return next((features[name] for features in profile.features.values() if name in features), None)
    return profile["features"].get(name)


def as_scored(live: Mapping[str, Live], name: str, values: list[Any]) -> list[Any]:
    """The values of a feature as the first use case that has it scored them."""
    encoders = (served.scorer.encoder for served in live.values())
    return next((encoder.as_scored(name, values) for encoder in encoders if name in encoder.names), values)


def _shape(detail: str, field: str | None = None) -> Note:
    note: Note = {"code": "malformed_profile", "detail": detail}
    if field is not None:
        note["field"] = field
    return note
