"""What a use case may say of how its model is made."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from features.build.log_table import learning_table
from features.config.use_case import load_use_case
from features.errors import UseCaseError
from tests.support.worlds import write_use_case

TABLE = {"path": "t.csv", "label": "y", "positive": "yes"}


def case(folder: Path, **sections: dict[str, object]) -> Path:
    """A use case on a small table."""
    rows = range(120)
    table = {"age": [20 + row % 50 for row in rows], "city": [("Paris", "Lyon")[row % 2] for row in rows]}
    pl.DataFrame({**table, "y": [("yes", "no")[row % 3 == 0] for row in rows]}).write_csv(folder / "t.csv")
    return write_use_case(folder, {"table": TABLE, **sections})


def test_class_weights_are_refused_with_the_reason(tmp_path: Path) -> None:
    """They shift probabilities; a budget beside fixed settings is refused too, as are settings out of range."""
    with pytest.raises(UseCaseError, match=r"model\.scale_pos_weight: shifts every probability.*plan a threshold"):
        load_use_case(case(tmp_path, model={"scale_pos_weight": 5}))
    with pytest.raises(UseCaseError, match=r"model\.trials: a search goes with no fixed setting"):
        load_use_case(case(tmp_path, model={"trials": 5, "eta": 0.1}))
    with pytest.raises(UseCaseError, match=r"model\.eta"):
        load_use_case(case(tmp_path, model={"eta": 0}))

    assert load_use_case(case(tmp_path, model={"lambda": 2, "max_depth": 3})).model.fixed == {"l2": 2, "max_depth": 3}


def test_a_direction_is_of_a_number_that_is_there(tmp_path: Path) -> None:
    """By feature, or by family for all of it; a category has no order."""
    table = learning_table(load_use_case(case(tmp_path, monotone={"age": "falls"})))

    assert {feature.name: feature.monotone for feature in table.features} == {"age": "falls", "city": None}
    with pytest.raises(UseCaseError, match=r"monotone\.size: must be of a feature or a family"):
        learning_table(load_use_case(case(tmp_path, monotone={"size": "rises"})))
    with pytest.raises(UseCaseError, match=r"monotone\.city: must be of numbers"):
        learning_table(load_use_case(case(tmp_path, monotone={"city": "rises"})))
    with pytest.raises(UseCaseError, match=r"monotone\.age"):
        load_use_case(case(tmp_path, monotone={"age": "up"}))
