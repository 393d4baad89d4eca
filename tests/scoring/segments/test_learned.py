"""Assignment to clusters that were learned: the nearest centroid, how near the next one is, and why."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scoring.segments.learned import LearnedFeature, LearnedSegments, NearestCentroid, read_learned

RNG = np.random.default_rng(5)
FEATURES = (
    LearnedFeature(name="recency", log=True, center=2.0, scale=1.5, missing=-1.0),
    LearnedFeature(name="country", kind="level", level="FR", center=0.5, scale=0.25),
    LearnedFeature(name="spend", log=True, center=3.0, scale=0.5),
    LearnedFeature(name="country", kind="level", level="DE", center=0.5, scale=0.25),
    LearnedFeature(name="recency", kind="missing", scale=0.5),
)


def learned_of(centroids: list[list[float]]) -> LearnedSegments:
    """Clusters of some centroids."""
    codes = tuple(f"group_{number}" for number in range(1, len(centroids) + 1))
    return LearnedSegments(
        features=FEATURES,
        centroids=tuple(map(tuple, centroids)),
        codes=codes,
        labels={code: {"en": code, "fr": code} for code in codes},
    )


LEARNED = learned_of(RNG.normal(size=(4, 5)).tolist())


def raw_rows(count: int, *, wide: float = 2.0) -> NDArray[np.float64]:
    """Rows of raw values with missing ones."""
    rows = RNG.lognormal(0, wide, size=(count, 5))
    rows[:, [1, 3, 4]] = rows[:, [1, 3, 4]] > 1
    rows[RNG.random(count) < 0.2, 0] = np.nan
    return rows


def test_a_row_is_in_the_cluster_whose_centroid_is_nearest() -> None:
    """By squared distance in the scaled space; the next is the second nearest, and the margin what parts the two."""
    nearest, raw = NearestCentroid(LEARNED), raw_rows(500)

    found = nearest.assign(raw)

    distances = np.square(nearest.scaled(raw)[:, None, :] - np.asarray(LEARNED.centroids)).sum(axis=2)
    order = distances.argsort(axis=1)
    np.testing.assert_array_equal(found.which, order[:, 0])
    np.testing.assert_array_equal(found.next, order[:, 1])
    two = np.sort(distances, axis=1)
    np.testing.assert_allclose(found.margin, two[:, 1] - two[:, 0], atol=1e-8)


@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_what_features_add_is_the_margin(recency: float, spend: float) -> None:
    """To 1e-9, one entry a feature though it has several coordinates."""
    found = NearestCentroid(LEARNED).assign(np.array([[recency, 1.0, spend, 0.0, 0.0]]))

    assert found.contributions.shape == (1, 3)
    assert abs(found.contributions.sum() - found.margin[0]) <= 1e-9
    assert found.margin[0] >= 0


def test_one_row_is_assigned_as_among_many() -> None:
    """To the bit, whatever the row."""
    nearest, raw = NearestCentroid(LEARNED), raw_rows(300, wide=6.0)

    together = nearest.assign(raw)

    for row in range(len(raw)):
        alone = nearest.assign(raw[row : row + 1])
        assert (alone.which[0], alone.next[0], alone.margin[0]) == (
            together.which[row],
            together.next[row],
            together.margin[row],
        )
        assert alone.contributions[0].tolist() == together.contributions[row].tolist()


def test_of_equal_distances_the_first_centroid_has_it() -> None:
    """And the next one is the second of them."""
    same = learned_of([[0.0] * 5, [1.0] * 5, [1.0] * 5])

    found = NearestCentroid(same).assign(np.array([[np.expm1(2 + 1.5), 0.75, np.expm1(3.5), 0.75, 0.5]]))

    assert (found.which[0], found.next[0], found.margin[0]) == (1, 2, 0.0)


def test_raw_values_are_of_columns_by_name() -> None:
    """Numbers with NaN, categories as texts with None; a missing number has a coordinate of its own."""
    columns = {
        "recency": np.array([3.0, np.nan]),
        "spend": np.array([10.0, 0.0]),
        "country": np.array(["DE", None], dtype=object),
    }

    raw = NearestCentroid(LEARNED).raw_of(columns)

    np.testing.assert_array_equal(raw, [[3.0, 0.0, 10.0, 1.0, 0.0], [np.nan, 0.0, 0.0, 0.0, 1.0]])
    assert NearestCentroid(LEARNED).scaled(raw)[1, 0] == -1.0


def test_clusters_are_what_their_file_holds() -> None:
    """And a file whose clusters break a rule is refused with all that it breaks."""
    content = msgspec.json.encode(LEARNED)

    assert read_learned(content) == LEARNED
    with pytest.raises(ValueError, match=r"two centroids at least.*code of its own"):
        read_learned(content.replace(msgspec.json.encode(LEARNED.centroids), b"[[1,2,3,4,5]]"))
