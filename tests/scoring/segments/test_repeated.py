"""Values that many rows share."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scoring.segments.repeated import Repeated, paired

LETTERS = st.sampled_from("abcd")


def repeated(rows: list[str]) -> Repeated[str]:
    """Rows of which equal ones share a value; one value is nobody's."""
    values = [*dict.fromkeys(rows), "nobody's"]
    return Repeated(values, np.array([values.index(row) for row in rows], np.intp))


@given(st.lists(LETTERS))
def test_it_is_the_rows_it_is_made_of(rows: list[str]) -> None:
    """Iterated, by position, in part, counted, and what is made of each."""
    found = repeated(rows)

    assert (list(found), len(found), list(found[1:3])) == (rows, len(rows), rows[1:3])
    assert [found[row] for row in range(len(rows))] == rows
    assert dict(found.counts()) == {letter: rows.count(letter) for letter in rows}
    assert list(found.each(str.upper)) == [row.upper() for row in rows]
    assert list(Repeated.of(rows)) == rows
    assert Repeated.of(found) is found


@given(st.lists(st.tuples(LETTERS, LETTERS)))
def test_pairs_are_those_of_the_rows(rows: list[tuple[str, str]]) -> None:
    """Each pair of values is there once."""
    pairs = paired(repeated([one for one, _ in rows]), repeated([other for _, other in rows]))

    assert list(pairs) == rows
    assert len(pairs.values) == len(set(rows))
