"""A body that is not JSON is refused with the place where it stops being so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.problems import Problem
from serving.requests.strict_json import decode


def places(body: bytes) -> dict[str, Any]:
    """The one error of a refused body."""
    with pytest.raises(Problem) as caught:
        decode(body)
    return dict(caught.value.errors[0])


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        (b'{"a": x}', 1, 7),
        (b'{\n "a": NaN}', 2, 7),
        (b'{"a": 1', 1, 8),
        (b"", 1, 1),
        (b'{"a": 1}\n\n}', 3, 1),
        (b'["\xff"]', 1, 3),
        ('["é", "é" 1]'.encode(), 1, 13),
    ],
    ids=["a word", "NaN", "truncated", "empty", "more", "not UTF-8", "beside accents"],
)
def test_the_line_and_column_are_those_of_the_fault(body: bytes, line: int, column: int) -> None:
    """Counted from 1, in bytes; `byte` from 0."""
    error = places(body)

    assert (error["line"], error["column"]) == (line, column)
    assert error["byte"] == sum(len(one) + 1 for one in body.split(b"\n")[: line - 1]) + column - 1
    assert f"line {line}, column {column}" in error["detail"]


@given(st.lists(st.integers(), min_size=1), st.data())
def test_text_cut_off_anywhere_ends_where_it_was_cut(numbers: list[int], data: st.DataObject) -> None:
    """The fault is never before what was written right."""
    body = json.dumps(numbers, indent=1).encode()
    cut = data.draw(st.integers(0, len(body) - 1))

    assert places(body[:cut])["byte"] <= cut


@pytest.mark.parametrize(
    ("body", "pointer", "named"),
    [
        (b'{"profiles": [{"features": {"x": 1, "x": 2}}]}', "/profiles/0/features/x", "x twice"),
        (b'[[{"alice@example.com": 1, "alice@example.com": 2}]]', "/0/0", "once."),
        (b'{"a/b": {"k": 1, "k": {"k": 1}}}', "/a~1b/k", "k twice"),
    ],
    ids=["a feature", "an address", "a slash"],
)
def test_a_key_named_twice_is_found(body: bytes, pointer: str, named: str) -> None:
    """By its path; by name unless it may be a customer's."""
    error = places(body)

    assert error["pointer"] == pointer
    assert named in error["detail"]
    assert "alice" not in str(error)
