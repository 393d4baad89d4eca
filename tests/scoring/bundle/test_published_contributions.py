from __future__ import annotations

import numpy as np
import pytest

from scoring.bundle.published_contributions import published_contributions, rounded
from scoring.models import bulk_shapley as module
from scoring.models.additive import LevelsTerm, LinearModel
from scoring.models.blend import Blend
from scoring.models.model import Model, TreeModel
from scoring.models.stored_model import parse_model
from tests.scoring.models.test_blend import files
from tests.scoring.models.test_trees import KINDS, fitted


@pytest.mark.parametrize("kind", [*KINDS, "tall values"])
def test_both_ways_publish_the_same_bits(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the trees; rows near a turn of the rounding are computed anew."""
    monkeypatch.setattr(module, "_COMPILED", 0)
    monkeypatch.setattr(module, "_PREPARED", 0)
    stored, rows = fitted(**(KINDS[kind] if kind != "tall values" else {"max_depth": 5, "eta": 5.0, "lambda": 0.0}))
    model = TreeModel(stored)

    for scale in (0.9, -1.3):
        plain = published_contributions(model, scale, rows)
        bulk = published_contributions(model, scale, rows, in_bulk=True)
        assert bulk.tobytes() == plain.tobytes()


class Turning:
    """A model whose bulk way is off by less than it says, on the other side of where rounding turns."""

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """All the same."""
        return np.zeros(len(matrix), dtype=np.float32)

    def bias(self) -> float:
        """None."""
        return 0.0

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """The plain way."""
        return np.tile([0.1234567895, 0.25, -0.0], (len(matrix), 1))

    def contributions_in_bulk(self, matrix: np.ndarray) -> tuple[np.ndarray, float]:
        """The other."""
        return self.contributions(matrix) + np.array([-4e-14, 3e-14, -2e-14]), 5e-14


def test_a_row_near_a_turn_of_the_rounding_takes_the_plain_way() -> None:
    """So that one value is published whichever way it was computed, and none is a negative zero."""
    rows = np.zeros((4, 3), dtype=np.float32)

    plain = published_contributions(Turning(), 1.0, rows)
    bulk = published_contributions(Turning(), 1.0, rows, in_bulk=True)

    assert bulk.tobytes() == plain.tobytes()
    assert rounded(Turning().contributions_in_bulk(rows)[0]).tobytes() != plain.tobytes()
    assert not np.signbit(plain[:, 2]).any()


def test_a_linear_model_has_one_way() -> None:
    """Its sum of columns is quick for any number of rows."""
    model: Model = LinearModel((LevelsTerm((0.25, -0.125)),), 0.0)
    rows = np.array([[0.0], [1.0]], dtype=np.float32)

    assert model.contributions_in_bulk(rows) is None
    assert published_contributions(model, 2.0, rows, in_bulk=True).tolist() == [[0.5], [-0.25]]


def test_both_ways_of_a_blend_publish_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the tables of its trees, where enough rows were asked for, and without; a blend without trees has one way."""
    monkeypatch.setattr(module, "_COMPILED", 0)
    monkeypatch.setattr(module, "_PREPARED", 0)
    stored, rows = files()
    blend = parse_model(stored)

    plain = published_contributions(blend, 0.9, rows)
    bulk = published_contributions(blend, 0.9, rows, in_bulk=True)

    assert blend.contributions_in_bulk(rows) is not None
    assert bulk.tobytes() == plain.tobytes()
    terms = parse_model({"model.json": stored["member-additive.json"]})
    assert Blend(((0.5, terms), (0.5, terms))).contributions_in_bulk(rows) is None
