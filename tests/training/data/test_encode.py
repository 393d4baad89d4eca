"""What the encoder learns from the fitting rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.spec.feature import MISSING, OTHER, Feature, FeatureType
from scoring.encoding.encoder import Encoder
from training.data.encode import encode, fit_encoder


def rows(texts: Sequence[str | None], outcome: list[int]) -> pl.DataFrame:
    """One category column with its outcomes."""
    return pl.DataFrame({"kind": pl.Series(texts, dtype=pl.String), "__label": pl.Series(outcome, dtype=pl.Int8)})


def test_codes_rise_with_the_outcome_rate() -> None:
    """Levels, OTHER and MISSING stand in the order of their smoothed outcome rates."""
    texts = ["often"] * 100 + ["never"] * 100 + [None] * 100 + [f"rare {n}" for n in range(50)]
    outcome = [1] * 90 + [0] * 10 + [0] * 100 + [1, 0] * 50 + [1] * 20 + [0] * 30

    features, codes = fit_encoder((Feature("kind", "category"),), rows(texts, outcome))

    assert codes["kind"] == ["never", OTHER, MISSING, "often"]
    assert features[0].levels == ("never", "often")


def test_spellings_of_one_level_share_its_code() -> None:
    """Case and blanks do not make levels; the most frequent spelling is shown; a blank is missing."""
    texts = ["Paris"] * 30 + [" paris "] * 10 + ["Lyon"] * 30 + ["  "] * 30

    features, codes = fit_encoder((Feature("kind", "category"),), rows(texts, [1, 0] * 50))

    assert set(codes["kind"]) == {"Paris", "Lyon", MISSING, OTHER}
    matrix = encode(Encoder(features, codes), rows(["PARIS", "", "Nice"], [0, 0, 0]))
    assert [codes["kind"][int(code)] for code in matrix[:, 0]] == ["Paris", MISSING, OTHER]


@pytest.mark.parametrize("kind", ["number", "integer"])
def test_the_seen_range_is_the_fitting_rows(kind: FeatureType) -> None:
    """The range met in training is kept where many share its ends, gaps aside; a column of gaps has none."""
    values = [*[1] * 10, None, *[9] * 10]
    table = pl.DataFrame({"x": values, "gap": pl.Series([None] * 21, dtype=pl.Float64), "__label": [0, 1, 0] * 7})
    pair = (Feature("x", kind), Feature("gap", "number"))

    features, codes = fit_encoder(pair, table)

    assert features[0].seen == (1.0, 9.0)
    assert features[1].seen is None
    assert codes == {}


@given(
    st.lists(st.floats(-1e9, 1e9).map(lambda number: round(number, 2)), min_size=1, max_size=50),
    st.sampled_from(["number", "integer"]),
)
def test_no_end_of_a_range_is_one_customers(values: list[float], kind: FeatureType) -> None:
    """It holds all that was met, and an end is a value met only where ten rows share it."""
    values = [float(round(value)) for value in values] if kind == "integer" else values
    table = pl.DataFrame({"x": values, "__label": [0, 1, *[0] * len(values)][: len(values)]})

    (feature,), _ = fit_encoder((Feature("x", kind),), table)

    assert feature.seen
    low, high = feature.seen
    assert low <= min(values)
    assert max(values) <= high
    for end, met in ((low, min(values)), (high, max(values))):
        assert end != met or values.count(met) >= 10


def test_a_range_stays_within_what_a_feature_can_be() -> None:
    """A count is never below 0, whatever the rounding."""
    table = pl.DataFrame({"x": [0, 3, 200], "__label": [0, 1, 0]})

    (feature,), _ = fit_encoder((Feature("x", "integer", lower=0),), table)

    assert feature.seen == (0.0, 210.0)


def test_two_thousand_levels_keep_the_frequent_ones() -> None:
    """Levels met rarely go to OTHER, and no feature has more than 256 codes."""
    random = np.random.default_rng(0)
    texts = [f"level {int(n)}" for n in random.zipf(1.3, 20000).clip(max=2000)]

    _, codes = fit_encoder((Feature("kind", "category"),), rows(texts, random.integers(0, 2, 20000).tolist()))

    assert 10 < len(codes["kind"]) <= 256


def test_a_large_table_is_encoded_block_by_block_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of seven rows give the bits of one block, in float64 and in float32; a wrong row is named by its place."""
    table = pl.DataFrame({"x": np.random.default_rng(0).normal(size=30), "__label": [0, 1] * 15})
    features, codes = fit_encoder((Feature("x", "number"),), table)
    encoder, bounded = Encoder(features, codes), Encoder((Feature("x", "number", lower=0.0),), codes)
    whole = encode(encoder, table)

    monkeypatch.setattr("training.data.encode.BLOCK", 7)

    assert np.array_equal(encode(encoder, table), whole)
    assert np.array_equal(encode(encoder, table, np.float32), whole.astype(np.float32))
    with pytest.raises(ValueError, match="the first row 20"):
        encode(bounded, table.select(pl.when(pl.int_range(30) < 20).then(1.0).otherwise(-1.0).alias("x")))


def test_a_level_of_few_customers_is_other_however_many_rows_they_have() -> None:
    """The value of nine customers would stand in the bundle; that of ten may, also where they spell it differently."""
    texts = ["Oslo"] * 54 + ["Bergen", "bergen"] * 30
    group = [number % 9 for number in range(54)] + [100 + number // 6 for number in range(60)]
    table = rows(texts, [1, 0] * 57).with_columns(__group=pl.Series(group, dtype=pl.UInt64))

    features, codes = fit_encoder((Feature("kind", "category"),), table)

    assert features[0].levels == ("Bergen",)
    assert set(codes["kind"]) == {"Bergen", OTHER, MISSING}
