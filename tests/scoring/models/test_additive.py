"""Additive models: what a term says at, between and beyond its knots, for one row as for many."""

from __future__ import annotations

import json
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest

from scoring.models.additive import BLOCK, LinearModel, SplineTerm

BENT: dict[str, Any] = {"kind": "spline", "log1p": False, "knots": [0, 1, 4], "values": [-1, 1, 0.5], "missing": 0.25}
LOGGED: dict[str, Any] = {"kind": "spline", "log1p": True, "knots": [0, 2], "values": [0.5, -0.5], "missing": -2}
TERMS = [
    BENT,
    {"kind": "levels", "values": [0.1, -0.2, 0.7]},
    {"kind": "numeric", "log1p": True, "centre": 1.0, "coefficient": 0.3, "missing": 0.9},
    LOGGED,
]


def model(terms: list[dict[str, Any]] | None = None) -> LinearModel:
    """A model as a bundle's file holds it."""
    return LinearModel.parse(json.dumps({"intercept": -0.4, "terms": TERMS if terms is None else terms}).encode())


def rows(count: int) -> np.ndarray:
    """Values within, at and beyond the knots, a fifth of the numbers missing."""
    random = np.random.default_rng(4)
    matrix = random.uniform(-3, 9, (count, 4))
    matrix[random.random((count, 4)) < 0.2] = np.nan
    matrix[:, 1] = random.integers(0, 3, count)
    matrix[: min(3, count), 0] = [0, 1, 4][:count]
    return matrix.astype(np.float32)


def test_a_spline_runs_straight_between_its_knots_and_is_level_beyond() -> None:
    """As numpy's own interpolation has it; a missing value has a term of its own."""
    matrix = rows(500)
    column = matrix[:, 0].astype(np.float64)

    term = model().contributions(matrix)[:, 0]

    gap = np.isnan(column)
    assert term[~gap] == pytest.approx(np.interp(column[~gap], BENT["knots"], BENT["values"]), abs=1e-12)
    assert set(term[gap]) == {0.25}


def test_one_row_has_the_bits_it_has_among_many() -> None:
    """Margins and contributions, also across the blocks that rows are read in."""
    matrix = rows(BLOCK + 50)
    scored = model()

    margins, terms = scored.margin(matrix), scored.contributions(matrix)

    for row in (0, 1, 17, BLOCK - 1, BLOCK, BLOCK + 49):
        assert scored.margin(matrix[row : row + 1])[0] == margins[row]
        assert np.array_equal(scored.contributions(matrix[row : row + 1])[0], terms[row])


def test_terms_of_mean_zero_are_brute_force_shapley_values() -> None:
    """The mean gain over all subsets of the other features, those left out taken from other rows, one after another."""
    matrix, scored, row = rows(60), model(), 5

    def worth(known: tuple[int, ...]) -> float:
        mixed = matrix.copy()
        mixed[:, list(known)] = matrix[row, list(known)]
        return float(scored.margin(mixed).astype(np.float64).mean())

    values = np.zeros(4)
    for feature in range(4):
        others = [other for other in range(4) if other != feature]
        for known in (known for size in range(4) for known in combinations(others, size)):
            weight = factorial(len(known)) * factorial(3 - len(known)) / factorial(4)
            values[feature] += weight * (worth((*known, feature)) - worth(known))

    contributions = scored.contributions(matrix)
    assert values == pytest.approx(contributions[row] - contributions.mean(axis=0), abs=1e-6)


def test_a_model_of_one_kind_of_term_needs_no_other() -> None:
    """Straight terms alone, bent ones, levels, and none at all."""
    matrix = rows(5)

    for term, column in (*zip(TERMS, range(4), strict=True),):
        assert model([term]).contributions(matrix[:, [column]]).shape == (5, 1)
    assert model([]).margin(matrix[:, :0]).tolist() == [np.float32(-0.4)] * 5


@pytest.mark.parametrize(
    "wrong",
    [{"knots": [0, 1, 1]}, {"knots": [0, 2, 1]}, {"values": [1, 2]}, {"knots": [1], "values": [1]}],
    ids=["equal", "falling", "too few values", "one knot"],
)
def test_knots_must_rise_and_have_a_value_each(wrong: dict[str, Any]) -> None:
    """A file that says otherwise is refused when it is read."""
    with pytest.raises(ValueError, match=r"[Aa] spline"):
        model([{**BENT, **wrong}])


def test_a_spline_of_two_knots_is_a_line() -> None:
    """Between them; the same as a straight term there."""
    term = SplineTerm(False, (0.0, 2.0), (-1.0, 1.0), 0.0)
    straight = {"kind": "numeric", "log1p": False, "centre": 1.0, "coefficient": 1.0, "missing": 0.0}
    matrix = np.linspace(0, 2, 9, dtype=np.float32)[:, None]

    found = LinearModel((term,), 0.0).contributions(matrix)

    assert found == pytest.approx(model([straight]).contributions(matrix), abs=1e-12)
