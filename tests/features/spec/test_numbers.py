"""The grammar of numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.spec.numbers import POINT, amounts, read_each
from tests.support.values import CORPUS, NOTHING, Value

WRITTEN = {"plain": POINT, "comma": "1.234,56", "euro": "1 234,56 €", "dollar": "$1,234.56"}
NUMBERS = [value for value in CORPUS if value.column in WRITTEN and value.text]


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
def test_a_text_is_the_number_its_column_says(value: Value) -> None:
    """By the form of the column, never by its own looks."""
    number = amounts(WRITTEN[value.column]).read(str(value.cell))

    beyond = value.means is NOTHING and math.isfinite(number) and abs(number) > 3.4028235e38
    assert beyond or (math.isnan(number) if value.means in (None, NOTHING) else number == value.means)


@given(st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=4), st.sampled_from([*WRITTEN]))
def test_a_number_written_by_a_form_is_read_back(number: object, column: str) -> None:
    """Grouped or not, with its mark before or behind."""
    form = amounts(WRITTEN[column])
    swap = str.maketrans(",.", ".,") if form.decimal == "," else str.maketrans("", "")
    mark = {"euro": " €", "dollar": " $"}.get(column, "")

    for text in (f"{number:,f}", f"{number:f}"):
        assert form.read(text.translate(swap) + mark) == float(str(number))


@given(st.text(max_size=12))
def test_any_text_is_a_finite_number_or_none(text: str) -> None:
    """No text ends in an error, an infinity or two readings."""
    for written in WRITTEN.values():
        assert not math.isinf(amounts(written).read(text))
    assert not math.isinf(read_each(text))
