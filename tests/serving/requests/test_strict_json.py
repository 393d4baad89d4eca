"""Strict JSON as a function, held against the standard library's own parser."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.problems import Problem
from serving.requests.strict_json import MAX_DEPTH, decode

SCALARS = st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(SCALARS | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=25)


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_what_json_writes_is_read_as_it_was(value: object, indent: int | None, ascii_only: bool) -> None:
    """Any document with distinct keys comes through unchanged, however it is laid out."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, separators=(" , ", " : ") if indent else None)

    assert decode(text.encode()) == value


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4), st.data())
def test_a_key_named_twice_is_refused_wherever_it_stands(document: dict[str, object], data: st.DataObject) -> None:
    """Also when its spellings differ, or it stands deep inside."""
    key = data.draw(st.sampled_from(sorted(document)))
    spelt = "".join(f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else json.dumps(sign)[1:-1] for sign in key)
    twice = f'{json.dumps(document)[:-1]}, "{spelt}" :1}}'

    for text in (twice, f"[[{twice}]]", f'{{"a": {{"b": {twice}}}}}'):
        with pytest.raises(Problem, match="once"):
            decode(text.encode())


@pytest.mark.parametrize(
    "features", ['{"x": 1, "x": 2}', '{"x" : 1, "x": 2}', '{"t": "a:b", "x" :1, "x" :2}', '{"x": {}, "x": 1}']
)
def test_a_key_named_twice_in_a_profile_is_refused(features: str) -> None:
    """However the colons stand, and beside texts that hold some."""
    call = '{"use_cases": ["churn"], "profiles": [{"customer_id": "c1", "features": %s}]}'

    assert decode((call % '{"x" : 1, "t": "a: \\": {["}').encode())
    with pytest.raises(Problem, match="once"):
        decode((call % features).encode())


@pytest.mark.parametrize("text", ["1e308", "-1.7976931348623157e308", "1" * 308, "1" + "0" * 308])
def test_the_largest_numbers_are_read(text: str) -> None:
    """Up to the end of float64's range."""
    assert math.isfinite(float(decode(text.encode())))


@pytest.mark.parametrize("text", ["1e309", "-1e309", "2" + "0" * 308, "1" * 310, "9" * 400 + ".5", f"[{'9' * 6000}]"])
def test_numbers_beyond_float64_are_refused(text: str) -> None:
    """However they are written."""
    with pytest.raises(Problem):
        decode(text.encode())


@pytest.mark.parametrize("before", range(9))
def test_numbers_beyond_float64_are_refused_wherever_they_stand(before: int) -> None:
    """At every place in the text."""
    for text in ("9" * 309, f'{{"profiles": [{{"features": {{"x": {"9" * 309}}}}}]}}'):
        with pytest.raises(Problem, match="float64"):
            decode(b" " * before + text.encode())


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_depth_has_a_limit(opening: str, closing: str) -> None:
    """MAX_DEPTH levels are read, one more is refused."""
    assert decode((opening * MAX_DEPTH + "1" + closing * MAX_DEPTH).encode())
    with pytest.raises(Problem, match="deep"):
        decode((opening * (MAX_DEPTH + 1) + "1" + closing * (MAX_DEPTH + 1)).encode())
