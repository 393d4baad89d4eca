"""A block's answers as JSON are those that are made row by row, to the byte."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.spec.languages import LANGUAGES
from scoring.answers.block_answers import encode_answers
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.encoding.block import Block, Shape
from scoring.errors import PolicyFailedError, RequestError
from scoring.segments.assignment import DEFAULT
from scoring.segments.policy import Policy, Segment
from scoring.segments.rules import Kind, Rule
from tests.support.models import shop_rows

LABELS = {"fr": 'Cœur "fidèle"', "en": "Loyal\n"}
READS: dict[str, Kind] = {
    "churn.score": "number",
    "churn.probability": "number",
    "churn.percentile": "number",
    "churn.band": "text",
    "churn.lowest_band": "boolean",
    "churn.highest_band": "boolean",
    "churn.status": "text",
    "monetary_365d": "number",
    "subscribed": "boolean",
    "canal d'achat": "text",
}


def shape(live: dict[str, Live]) -> Shape:
    """Of a customer of the shop, whom both use cases read alike."""
    return live["churn"].scorer.encoder.shape


def block_of(live: dict[str, Live], rows: list[dict[str, Any]]) -> Block:
    """Rows as a block, with ids that JSON escapes."""
    return Block.of([(f'c"{place}', row) for place, row in enumerate(rows)], shape(live))


def rule_on(draw: st.DrawFn, name: str) -> Rule:
    """A rule on one name, of its kind."""
    if READS[name] == "number":
        return "compare", ">=", ("column", name), ("literal", draw(st.sampled_from([0.3, 30, 400.0])))
    if READS[name] == "text":
        return "in", ("column", name), draw(st.sampled_from([["scored"], ["Store", "low"], ["high"]]))
    return "true", ("column", name)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """A policy whose rules read every field of an answer, and features."""
    names = draw(st.lists(st.sampled_from(sorted(READS)), min_size=1, max_size=4, unique=True))
    segments = [
        Segment(f"s{place}", LABELS, name, rule_on(draw, name), exclusive=draw(st.booleans()))
        for place, name in enumerate(names)
    ]
    return Policy(("churn",), tuple(segments), {name: READS[name] for name in names})


ROWS = st.builds(
    lambda seed, blank, beyond: [
        *shop_rows(20, seed=seed),
        *([dict.fromkeys(shop_rows(1)[0])] if blank else []),
        *(
            [shop_rows(1, seed=3)[0] | {"days_since_purchase": 9, "monetary_365d": 4000, "canal d'achat": "pigeon é"}]
            if beyond
            else []
        ),
    ],
    st.integers(0, 1000),
    st.booleans(),
    st.booleans(),
)


@given(ROWS, st.just(DEFAULT) | policies(), st.sampled_from(LANGUAGES), st.sampled_from([None, ["churn"]]))
def test_the_bytes_are_those_of_the_answers_row_by_row(
    live: dict[str, Live], rows: list[dict[str, Any]], policy: Policy, language: Any, use_cases: list[str] | None
) -> None:
    """Whoever is scored, is not eligible or of whom nothing is known; with warnings, segments, escaped labels."""
    block = block_of(live, rows)
    plain = score_profiles(live, block, use_cases=use_cases, language=language, policy=policy)

    encoded = encode_answers(live, block, use_cases=use_cases, language=language, policy=policy)

    assert encoded is not None
    assert encoded.results == msgspec.json.encode(plain)
    assert encoded.counted == Counter((name, one["status"]) for row in plain for name, one in row["scores"].items())


def test_a_block_with_a_broken_row_is_answered_row_by_row(live: dict[str, Live]) -> None:
    """A negative number of purchases breaks a rule; so does a feature that no use case names."""
    rows = shop_rows(20, seed=9)
    stranger = Block.of([("a", {**rows[0], "x": "y"})], (*shape(live), ("x", "category")))
    rows[3]["purchases_90d"] = -1

    for block in (block_of(live, rows), stranger):
        assert encode_answers(live, block, use_cases=None, language="en", policy=DEFAULT) is None


def test_what_is_refused_row_by_row_is_refused(live: dict[str, Live]) -> None:
    """An unknown use case, and a rule that does not fit the values it reads."""
    block = block_of(live, shop_rows(20, seed=9))
    rule = ("compare", "=", ("column", "canal d'achat"), ("literal", 1))
    unfit = Policy(("churn",), (Segment("s", LABELS, "text", rule),), {"canal d'achat": "number"})

    with pytest.raises(RequestError):
        encode_answers(live, block, use_cases=["nope"], language="en", policy=DEFAULT)
    with pytest.raises(PolicyFailedError):
        score_profiles(live, block, policy=unfit)
    with pytest.raises(PolicyFailedError):
        encode_answers(live, block, use_cases=None, language="en", policy=unfit)
