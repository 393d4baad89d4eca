from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.spec.feature import MISSING, OTHER, Feature, Json
from scoring.encoding.encoder import Encoder
from tests.support.models import LEVELS, SHOP, shop_rows

encoder = Encoder(SHOP, LEVELS)
cells = {
    "days_since_purchase": st.none() | st.floats(-3e38, 3e38) | st.integers(-5, 500),
    "purchases_90d": st.none() | st.integers(-3, 40),
    "monetary_365d": st.none() | st.floats(-3e38, 3e38),
    "subscribed": st.none() | st.booleans(),
    "joined on": st.none() | st.dates().map(str),
    "canal d'achat": st.none() | st.sampled_from(["web", " WEB", "Store", "boutique", "phone", ""]),
}


@given(st.lists(st.fixed_dictionaries(cells), min_size=1, max_size=12))
def test_a_posted_row_and_a_tables_row_are_the_same_numbers_or_both_refused(rows: list[dict[str, Any]]) -> None:
    """One encoder for every door: equal to the bit, equal in what is refused and warned of."""
    table = pa.table({feature.name: [row[feature.name] for row in rows] for feature in SHOP})
    whole = encoder.table(table)

    for position, row in enumerate(rows):
        numbers, errors, warnings = encoder.row(row)
        assert errors == whole.errors.get(position, [])
        if not errors:
            assert np.array_equal(np.array(numbers), whole.matrix[position], equal_nan=True)
            assert warnings == whole.warnings.get(position, [])


def test_missing_and_other_have_codes_of_their_own() -> None:
    """Null and blank are MISSING; a level never met is OTHER, with a warning."""
    base = dict.fromkeys((feature.name for feature in SHOP), None)

    codes = [encoder.row({**base, "canal d'achat": value})[0][5] for value in (None, "  ", "phone", "web", "Boutique")]

    levels = LEVELS["canal d'achat"]
    assert codes == [levels.index(level) for level in (MISSING, MISSING, OTHER, "web", "Store")]


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("days_since_purchase", "42", "number or null, got text"),
        ("days_since_purchase", True, "number or null, got a boolean"),
        ("days_since_purchase", -1, "at least 0"),
        ("days_since_purchase", math.nan, "finite"),
        ("days_since_purchase", math.inf, "finite"),
        ("days_since_purchase", 1e39, "float32"),
        ("days_since_purchase", 10**400, "float32"),
        ("purchases_90d", 1.5, "whole"),
        ("subscribed", 1, "true, false or null"),
        ("joined on", "yesterday", "ISO 8601"),
        ("joined on", 12, "ISO 8601 or null, got a number"),
        ("canal d'achat", 3, "text or null, got a number"),
        ("canal d'achat", ["web"], "text or null, got a list"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_name_and_rule(name: str, value: Json, rule: str) -> None:
    """The error names the feature and the rule, never the value."""
    _, errors, _ = encoder.row({**shop_rows(1)[0], name: value})

    assert [(error["feature"], rule in error["detail"]) for error in errors] == [(name, True)]


def test_missing_and_unknown_names_are_errors_all_at_once() -> None:
    """Every broken rule is told, not the first only."""
    row = {name: value for name, value in shop_rows(1)[0].items() if name != "subscribed"}

    _, errors, _ = encoder.row({**row, "purchases_90d": "x", "shoe size": 42})

    assert {(error["code"], error["feature"]) for error in errors} == {
        ("missing_feature", "subscribed"),
        ("invalid_value", "purchases_90d"),
        ("unknown_feature", "shoe size"),
    }


def test_text_columns_of_a_file_stand_for_numbers_dates_and_booleans() -> None:
    """A CSV's text is read as its feature's type; text that is no number is missing, with a warning."""
    table = pa.table({
        "days_since_purchase": [" 12 ", "n/a", ""],
        "purchases_90d": ["3", "4.0", "x"],
        "monetary_365d": ["1e2", None, "-3"],
        "subscribed": ["True", "no", ""],
        "joined on": ["1997-03-02", "", "1997-03-02T12:00:00"],
        "canal d'achat": ["STORE", "web", "?"],
    })  # fmt: skip

    encoded = encoder.table(table)

    assert not encoded.errors
    expected = [
        [12, 3, 100, 1, 9922, 3],
        [math.nan, 4, math.nan, 0, math.nan, 0],
        [math.nan, math.nan, -3, math.nan, 9922.5, 1],
    ]
    assert np.array_equal(encoded.matrix, np.array(expected), equal_nan=True)
    assert [note["code"] for note in encoded.warnings[1]] == ["not_a_number"]


def test_what_training_takes_for_missing_is_missing_in_a_file() -> None:
    """Infinity, what float32 cannot hold, and text that is no date or answer: each is named, none fails its row."""
    table = pa.table({
        "days_since_purchase": [math.inf, 1e39, math.nan],
        "purchases_90d": ["inf", "1e39", "NULL"],
        "monetary_365d": [-math.inf, 1.0, 2.0],
        "subscribed": ["X", "oui", "#N/A"],
        "joined on": ["N/A", "hier", "1997-03-02"],
        "canal d'achat": ["NULL", "#REF!", "web"],
    })  # fmt: skip

    encoded = encoder.table(table)

    assert not encoded.errors
    assert np.array_equal(np.isnan(encoded.matrix[:, :5]).sum(axis=1), [5, 3, 3])
    assert encoded.matrix[:, 5].tolist() == [2, 2, 0]
    codes = [[note["code"] for note in encoded.warnings[row]] for row in range(3)]
    assert codes[0] == ["beyond_float32", "not_a_number", "beyond_float32", "not_an_answer", "not_a_date"]


def test_a_table_without_a_features_column_is_refused_by_name() -> None:
    """The message lists what is missing or doubled."""
    with pytest.raises(ValueError, match="subscribed, joined on"):
        encoder.table(
            pa.table(
                {name: [None] for name in ("days_since_purchase", "purchases_90d", "monetary_365d", "canal d'achat")}
            )
        )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_many_rows_at_once_are_encoded_as_each_alone(seed: int) -> None:
    """The same values, errors and warnings, in the same order, whatever stands in the cells."""
    random = Random(seed)
    odd: list[Any] = [
        None,
        True,
        0,
        1,
        -1,
        2**70,
        10**400,
        1e39,
        1.5,
        -0.0,
        math.nan,
        "",
        " web ",
        "WEB",
        "1997-03-04",
        "soon",
        [],
        {},
    ]
    rows = shop_rows(40, seed=seed)
    for row in random.sample(rows, random.randrange(12)):
        row[random.choice(list(row))] = random.choice(odd)
    for row in random.sample(rows, random.randrange(3)):
        row.pop(random.choice(list(row)))
    for row in random.sample(rows, random.randrange(3)):
        row["stranger"] = 1
    allowed = random.choice([frozenset(), frozenset({"stranger"}), frozenset({"stranger", *rows[0]})])

    together = encoder.rows([(row, allowed) for row in rows])

    for position, row in enumerate(rows):
        numbers, errors, warnings = encoder.row(row, allowed=allowed)
        assert together.errors.get(position, []) == errors
        assert together.warnings.get(position, []) == warnings
        if not errors:
            assert np.array_equal(together.matrix[position], numbers, equal_nan=True)


def test_a_decimal_comma_in_a_file_is_read_as_in_training() -> None:
    """`12,5` and `1,234.5` are numbers on both sides, by one function."""
    table = pa.table({
        "days_since_purchase": ["12,5"], "purchases_90d": ["3"], "monetary_365d": ["1,234.5"], "subscribed": [None],
        "joined on": [None], "canal d'achat": [None],
    })  # fmt: skip

    assert encoder.table(table).matrix[0, [0, 2]].tolist() == [12.5, 1234.5]


def test_a_duration_is_the_count_that_parquet_holds() -> None:
    """As training reads it: in the file's own unit, a gap where none is given."""
    encoder = Encoder((Feature("waited", "integer"),), {})

    encoded = encoder.table(pa.table({"waited": pa.array([90, None], pa.duration("s"))}))

    assert encoded.matrix[0, 0] == 90
    assert not encoded.warnings
