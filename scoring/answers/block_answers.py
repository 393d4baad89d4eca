"""The answers to a block of profiles as JSON, made by columns: the bytes that `score_profiles` gives.

What is the same for many customers is encoded once, numbers a column at a time; no object is made of an answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from features.spec.languages import Language
from scoring.answers.score import as_scored, check_request, fitting_whole, policy_faults
from scoring.answers.served_release import STATUSES, Live, silent, status_codes, whole_answer
from scoring.answers.wire import Status
from scoring.bundle.scorer import Scored
from scoring.encoding.block import Block
from scoring.encoding.encoder import Encoded
from scoring.segments.assignment import SPEAKING, discovered_of, field_of
from scoring.segments.policy import Policy
from scoring.segments.rules import NullableColumn

_encode = msgspec.json.Encoder().encode
_GAP = b"\0"  # stands in no JSON: a text has it escaped
_HOLE: Any = msgspec.Raw(_GAP)
_SPEAKS = np.asarray([status in SPEAKING for status in STATUSES])


@dataclass(frozen=True, slots=True)
class EncodedAnswers:
    """The `results` of POST /v1/scores as a JSON list, and how many rows have each status, by use case."""

    results: bytes
    counted: Counter[tuple[str, Status]]


@dataclass(frozen=True, slots=True)
class _UseCaseScores:
    """What one use case says of the rows: the codes of their statuses, and the scores of those that are scored."""

    codes: NDArray[np.int64]  # positions in STATUSES
    covered: NDArray[np.bool_]
    scored: Scored  # of covered rows only


def encode_answers(
    live: Mapping[str, Live],
    block: Block,
    *,
    use_cases: Sequence[str] | None,
    language: Language,
    policy: Policy,
) -> EncodedAnswers | None:
    """What `score_profiles` answers to a block where no reasons are asked for, encoded; it raises the same.

    None where the block fits no use case whole, a row breaks a rule, or more than a score is served: the answer to
    those is made row by row.
    """
    check_request(live, use_cases=use_cases, reasons=0, language=language)
    names = fitting_whole(live, block, use_cases)
    encoded = {name: live[name].scorer.encoder.block(block) for name in names}
    more = any(live[name].serves_uplift or live[name].serves_value or live[name].discovering for name in names)
    if not names or more or any(rows.errors for rows in encoded.values()):
        return None
    answered = {name: _answered(live[name], rows.matrix) for name, rows in encoded.items()}
    scores = [_score_texts(live[name], answered[name], encoded[name], language) for name in names]
    segments = _segment_texts(policy, live, answered, block, language)
    pieces = _pieces({"customer_id": _HOLE, "status": "ok", "segment": _HOLE, "scores": dict.fromkeys(names, _HOLE)})
    rows = _filled(map(repeat, pieces), [map(_encode, block.customers), segments, *scores])
    counted = Counter({(name, STATUSES[code]): count for name in names for code, count in _counts(answered[name])})
    return EncodedAnswers(b"[" + b",".join(rows) + b"]", counted)


def _answered(served: Live, matrix: NDArray[np.float64]) -> _UseCaseScores:
    codes = status_codes(served.scorer, matrix)
    covered = codes == 0
    rows = matrix if covered.all() else matrix[covered]
    scored = served.scorer.score(rows)
    if seen := served.on_scored:  # read once: another thread may take it away
        seen(rows, scored.probability)
    return _UseCaseScores(codes, covered, scored)


def _counts(answered: _UseCaseScores) -> list[tuple[int, int]]:
    codes, counts = np.unique(answered.codes, return_counts=True)
    return list(zip(codes.tolist(), counts.tolist(), strict=True))


def _score_texts(served: Live, answered: _UseCaseScores, encoded: Encoded, language: Language) -> list[bytes]:
    """One use case's answers, each a JSON object."""
    scored = answered.scored
    templates = [_template(served, rung, language) for rung in range(len(served.bands[language]))]
    pieces = zip(*[templates[rung] for rung in scored.rung.tolist()], strict=True)
    ends = np.asarray([*served.release.bundle.ladder.thresholds, np.nan])  # no band is above the top: NaN is null
    columns = (scored.probability, scored.score, scored.percentile, ends[scored.rung] - scored.probability)
    warnings = [b"[]"] * len(answered.codes)
    for row, notes in encoded.warnings.items():
        warnings[row] = _encode(notes)
    covered = [text for text, is_covered in zip(warnings, answered.covered.tolist(), strict=True) if is_covered]
    texts = _filled(pieces, [*map(_numbers, columns), covered]) if covered else []
    if len(texts) == len(answered.codes):
        return texts
    others, of_scored = [_encode(silent(served, status)) for status in STATUSES], iter(texts)
    return [others[code] if code else next(of_scored) for code in answered.codes.tolist()]


def _template(served: Live, rung: int, language: Language) -> list[bytes]:
    """The answer of a band, cut where its numbers and its warnings stand."""
    above = served.next_band(rung, 0.0)
    answer = whole_answer(
        served,
        {
            "probability": _HOLE,
            "score": _HOLE,
            "percentile": _HOLE,
            "band": served.bands[language][rung],
            "next_band": {**above, "distance": _HOLE} if above else _HOLE,
        },
        [],
    )
    return _pieces({**answer, "warnings": _HOLE})


def _pieces(template: Any) -> list[bytes]:
    return _encode(template).split(_GAP)


def _numbers(values: NDArray[Any]) -> list[bytes]:
    return _encode(values.tolist())[1:-1].split(b",") if len(values) else []


def _filled(pieces: Iterable[Iterable[bytes]], filling: Sequence[Iterable[bytes]]) -> list[bytes]:
    """Texts, one a row: a piece, what comes between, the next piece and so on, each a column."""
    columns: list[Iterable[bytes]] = []
    for piece, between in zip(pieces, [*filling, repeat(b"")], strict=True):
        columns += [piece, between]
    return list(map(b"".join, zip(*columns, strict=False)))  # what is repeated has no end


def _segment_texts(
    policy: Policy, live: Mapping[str, Live], answered: Mapping[str, _UseCaseScores], block: Block, language: Language
) -> list[bytes]:
    """The customers' segments; null where a use case of the policy was not asked, or cannot speak of them."""
    if not frozenset(policy.use_cases) <= answered.keys():
        return [b"null"] * len(block)
    spoken = np.logical_and.reduce([_SPEAKS[answered[name].codes] for name in policy.use_cases]).tolist()

    def column(name: str) -> NullableColumn:
        if parts := field_of(name):
            return _field(live[parts[0]], answered[parts[0]], parts[1])
        if discovered_of(name):  # where there are clusters, rows are answered one by one
            return NullableColumn.of([None] * len(block), policy.kinds[name])
        values = as_scored(live, name, block.column(name))
        known = [value if speaks else None for value, speaks in zip(values, spoken, strict=True)]
        return NullableColumn.of(known, policy.kinds[name])

    with policy_faults(policy):
        standings = policy.assign({name: column(name) for name in policy.columns}, len(block))
    texts = standings.each(lambda standing: _encode(standing.to_answer(language)))
    return [text if speaks else b"null" for text, speaks in zip(texts, spoken, strict=True)]


def _field(served: Live, answered: _UseCaseScores, field: str) -> NullableColumn:
    """What a segment's rule reads of answers, as `Live.fields` has it."""
    count, scored = len(answered.codes), answered.scored
    if field == "status":
        return NullableColumn(np.asarray(STATUSES, dtype=object)[answered.codes], np.ones(count, dtype=np.bool_))
    bands = np.asarray(served.release.bundle.ladder.codes, dtype=object)
    found: NDArray[Any] = {
        "probability": scored.probability,
        "score": scored.score,
        "percentile": scored.percentile,
        "band": bands[scored.rung],
        "lowest_band": scored.rung == 0,
        "highest_band": scored.rung == len(bands) - 1,
    }[field]
    values = np.full(count, "", dtype=object) if field == "band" else np.zeros(count)
    values[answered.covered] = found
    return NullableColumn(values, answered.covered)
