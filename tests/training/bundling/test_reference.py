"""The bins that later customers are held against."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features.spec.feature import Feature
from scoring.segments.cut_points import tenths
from training.bundling.manifest import BINS, reference

AMOUNT = Feature("amount", "number", "monetary", "EUR")


def histogram(column: np.ndarray) -> tuple[list[float], list[int]]:
    """Edges and counts of a column."""
    stored = reference([AMOUNT], {}, [column], np.array([0.5]))["features"]["amount"]
    return list(stored["edges"]), list(stored["counts"])


@pytest.mark.parametrize("zeros", [250, 800, 900, 950, 999])
def test_a_value_that_many_have_has_a_bin_of_its_own(zeros: int) -> None:
    """Whether it fills two tenths or nearly all; its drift is then seen."""
    rest = np.arange(1, 1001 - zeros, dtype=float)

    edges, counts = histogram(np.concatenate([np.zeros(zeros), rest]))

    at = edges.index(0.0) + 1
    assert (counts[at], edges[at]) == (zeros, 1.0)
    assert sum(counts) == 1000


@given(arrays(np.float64, st.integers(1, 60), elements=st.integers(0, 6).map(float)))
def test_tenths_are_still_among_the_edges(column: np.ndarray) -> None:
    """So that rules and ranks read the same from finer bins; edges rise, and every row is in one bin."""
    edges, counts = histogram(column)

    wanted = np.quantile(column, np.arange(1, BINS) / BINS, method="lower")
    assert edges == sorted(set(edges))
    assert sum(counts) == len(column)
    assert tenths(edges, counts) == pytest.approx([float(cut) for cut in wanted])
