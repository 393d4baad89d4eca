"""What the console shows of test rows: nobody alone, nothing that may not be named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.spec.feature import Feature
from scoring.releases.store import load_release
from training.bundling.evidence_file import LEAST_ROWS, PLACES, places

KINDS = {"number": Feature("n", "number"), "category": Feature("c", "category", levels=("a", "b"))}


@given(
    st.sampled_from(sorted(KINDS)),
    st.lists(st.integers(0, 30) | st.none(), min_size=1, max_size=300),
    st.integers(0, 9),
)
def test_places_show_nobody_alone(kind: str, cells: list[int | None], seed: int) -> None:
    """At least ten rows each, rising where they are numbers; what they add is between its tenths."""
    values = np.asarray([np.nan if cell is None else float(cell) for cell in cells])
    adds = np.random.default_rng(seed).normal(size=len(values))

    found = places(KINDS[kind], values, adds)

    assert all(one["rows"] >= LEAST_ROWS and one["low"] <= one["high"] for one in found)
    assert len(found) <= PLACES + 1
    assert sum(one["rows"] for one in found) <= len(values)
    if kind == "number":
        at = [one["at"] for one in found if one["at"] is not None]
        assert at == sorted(at)


def test_large_places_hold_every_row_and_the_whole_mean() -> None:
    """Weighted by their rows, missing ones too."""
    rng = np.random.default_rng(1)
    values = np.where(rng.random(2000) < 0.1, np.nan, rng.gamma(2.0, 30.0, 2000))
    adds = rng.normal(size=2000)

    found = places(KINDS["number"], values, adds)

    assert sum(one["rows"] for one in found) == 2000
    assert sum(one["rows"] * one["adds"] for one in found) / 2000 == pytest.approx(adds.mean(), abs=1e-5)
    assert found[-1]["at"] is None


@pytest.mark.parametrize("name", ["visits", "shop"])
def test_a_bundle_names_no_feature_that_may_not_be_named(
    trained: dict[str, dict[str, Any]], home: Path, name: str
) -> None:
    """Those are one share; all shares are all."""
    bundle = load_release(home, name).bundle
    evidence = json.loads(bundle.files["evidence.json"])

    named = [one["feature"] for one in [*evidence["importance"], *evidence["dependence"]]]

    assert trained[name]["name"] == name
    assert not set(named) & bundle.forbidden
    assert sum(one["share"] for one in evidence["importance"]) == pytest.approx(1, abs=1e-4)
    assert (None in named) == bool(bundle.forbidden)
