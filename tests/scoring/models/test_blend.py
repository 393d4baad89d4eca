"""Blends: margins and contributions are the members' own, weighed and added up, however many rows are asked for."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scoring.models.stored_model import model_files, parse_model
from tests.scoring.models.test_trees import KINDS, fitted

TERMS = [
    {"kind": "spline", "log1p": False, "knots": [0, 3, 8], "values": [-1, 0.25, 0.5], "missing": 0.1},
    {"kind": "numeric", "log1p": True, "centre": 4.0, "coefficient": 0.3, "missing": -0.2},
    {"kind": "numeric", "log1p": False, "centre": 0.0, "coefficient": 100.0, "missing": 0.0},
    {"kind": "spline", "log1p": False, "knots": [0.2, 0.7], "values": [0.4, -0.4], "missing": 0.0},
]
MEMBERS = {"member-additive.json": 0.4, "member-forest.ubj": 0.15, "member-xgboost.ubj": 0.5}


def files() -> tuple[dict[str, bytes], np.ndarray]:
    """A sum of terms, a forest and a boosted model over the same columns, and rows."""
    (boosted, rows), (forest, _) = fitted(**KINDS["boosted"]), fitted(**KINDS["forest"])
    document = {"members": [{"file": name, "weight": weight} for name, weight in MEMBERS.items()]}
    stored = {"member-additive.json": json.dumps({"intercept": -0.3, "terms": TERMS}).encode()}
    return {
        "blend.json": json.dumps(document).encode(),
        **stored,
        "member-forest.ubj": forest,
        "member-xgboost.ubj": boosted,
    }, rows


def test_a_blend_is_the_weighed_sum_of_its_members() -> None:
    """Its margin to the last bit of a float32, its contributions and its bias; and the latter two give the first."""
    stored, rows = files()
    members = [(weight, parse_model({name: stored[name]})) for name, weight in MEMBERS.items()]

    blend = parse_model(stored)

    margin = sum(weight * member.margin(rows).astype(np.float64) for weight, member in members)
    contributions = sum(weight * member.contributions(rows) for weight, member in members)
    assert np.array_equal(blend.margin(rows), np.asarray(margin, dtype=np.float32))
    assert blend.contributions(rows) == pytest.approx(np.asarray(contributions), abs=1e-12)
    assert blend.bias() + blend.contributions(rows).sum(axis=1) == pytest.approx(blend.margin(rows), abs=1e-4)


def test_one_row_of_a_blend_has_the_bits_it_has_among_many() -> None:
    """Whether its trees are walked or asked of xgboost."""
    stored, rows = files()
    blend = parse_model(stored)

    margins, contributions = blend.margin(rows), blend.contributions(rows)

    for row in range(0, len(rows), 97):
        assert blend.margin(rows[row : row + 1])[0] == margins[row]
        assert np.array_equal(blend.contributions(rows[row : row + 1])[0], contributions[row])


def test_only_the_files_of_a_model_are_its_files() -> None:
    """Of a blend its members' too; of a kind that is not known none."""
    stored, _ = files()

    assert model_files({**stored, "golden.jsonl": b""}) == stored
    assert model_files({"model.json": b"{}", "reference.json": b""}) == {"model.json": b"{}"}
    assert model_files({"model.onnx": b"", "golden.jsonl": b""}) == {}


@pytest.mark.parametrize("weight", [0, -0.5, float("inf")])
def test_a_weight_is_positive_and_finite(weight: float) -> None:
    """Otherwise a member's reasons would be turned round."""
    stored, _ = files()
    document = {"members": [{"file": "member-additive.json", "weight": weight}]}

    with pytest.raises(ValueError, match=r"weight|malformed"):
        parse_model({**stored, "blend.json": json.dumps(document).encode()})
