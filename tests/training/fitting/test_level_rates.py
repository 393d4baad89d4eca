"""Trees on rates of levels: no row sees its own label, and what is stored is trees on codes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest
import xgboost

from features.spec.feature import Feature
from scoring.models.stored_model import TREES
from training.data.encode import WEIGHT, has_many_levels
from training.data.split import labels
from training.evaluation.metrics import row_losses
from training.fitting.candidates import candidates, offered
from training.fitting.fit import Taught, teach
from training.fitting.lesson import Lesson
from training.fitting.level_rates import RatedFit, on_rates, onto_codes, rising, smoothed

FEATURES = (Feature("shop", "category"), Feature("size", "category"), Feature("age", "number"))
PARTS = (slice(2000), slice(2400, None), slice(2000, 2400))  # fit, calibrate, stop
SIZES = {"S": 0.0, "M": 0.5, "L": 1.0}


@cache
def rows(count: int = 3000, *, shops: int = 150) -> pl.DataFrame:
    """Customers of many shops, which tell nothing, of three sizes, which do; two rows a customer."""
    random = np.random.default_rng(5)
    shop, size = random.integers(0, shops, count), random.choice(list(SIZES), count)
    age = random.normal(size=count)
    odds = age + np.array([SIZES[one] for one in size]) - 0.5
    return pl.DataFrame(
        {
            "shop": [f"shop {number}" for number in shop],
            "size": size,
            "age": age,
            "__label": pl.Series(random.random(count) < 1 / (1 + np.exp(-odds))).cast(pl.Int8),
            "__group": pl.Series(np.arange(count) // 2, dtype=pl.UInt64),
            "__cutoff": pl.Series([None] * count, dtype=pl.Datetime("us", "UTC")),
        }
    )


@cache
def taught() -> Taught:
    """Two thirds of them to fit on, the rest to stop and to judge by."""
    return teach(FEATURES, rows()[:2000], rows()[2000:2400], rows()[2400:], label_event=None)


def test_no_row_sees_its_own_label() -> None:
    """Nor its customer's other one: with one turned round both stay where they stood, and others of its shop move."""
    lesson = taught().lesson
    before = on_rates(lesson, 1)[0].fit[:, 0]

    for row in range(0, 40, 2):
        turned = lesson.fit_labels.copy()
        turned[row] = 1 - turned[row]
        after = on_rates(replace(lesson, fit_labels=turned), 1)[0].fit[:, 0]
        alike = lesson.fit[:, 0] == lesson.fit[row, 0]
        assert after[row] == before[row]
        assert after[row + 1] == before[row + 1]
        assert (after[alike] != before[alike]).any()


def test_other_columns_and_categories_of_few_levels_stay_as_they_are() -> None:
    """Only the shop is rated; a row to be scored has the rate that all fitting rows of its shop have shown."""
    lesson = taught().lesson

    rated, tables = on_rates(lesson, 1)

    assert list(tables) == [0]
    assert np.array_equal(rated.fit[:, 1:], lesson.fit[:, 1:])
    assert np.array_equal(rated.stop[:, 1:], lesson.stop[:, 1:])
    codes, label = lesson.fit[:, 0], lesson.fit_labels
    for row, code in enumerate(lesson.stop[:20, 0]):
        own = label[codes == code]
        expected = (own.sum() + WEIGHT * label.mean()) / (len(own) + WEIGHT)
        assert rated.stop[row, 0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", ["forest", "xgboost"])
def test_what_is_stored_sends_codes_where_the_trees_send_rates(kind: str) -> None:
    """The margins are the same to the bit, for every code there is, and no rate is left in the file."""
    lesson = taught().lesson
    rated, tables = on_rates(lesson, 1)
    grown = candidates(FEATURES, None)[kind](rated, 1)
    matrix = np.tile(lesson.stop[:60], (len(tables[0]), 1))
    matrix[:, 0] = np.repeat(np.arange(len(tables[0])), 60)
    shown = matrix.copy()
    shown[:, 0] = tables[0][matrix[:, 0].astype(int)]

    served = RatedFit(candidates(FEATURES, None)[kind])(lesson, 1)

    assert served.kind == f"{kind}_rates"
    assert served.params["rated"] == ["shop"]
    assert np.array_equal(served.model().margin(matrix), grown.model().margin(shown))
    booster = xgboost.Booster()
    booster.load_model(bytearray(served.files[TREES]))
    asked = booster.trees_to_dataframe()
    at = asked.loc[asked["Feature"] == "f0", "Split"].to_numpy()
    assert len(at)
    assert (at % 1 == 0.5).all()


def test_rates_never_fall_from_code_to_code() -> None:
    """Of the encoder's own rows they are the smoothed rates; of other rows neighbours share one where these fall."""
    lesson = taught().lesson
    codes, count = lesson.fit[:, 0].astype(int), len(lesson.codes["shop"])
    fresh = np.random.default_rng(2).permutation(lesson.fit_labels)

    own, other = rising(codes, lesson.fit_labels, count), rising(codes, fresh, count)

    assert own == pytest.approx(smoothed(codes, lesson.fit_labels, count), abs=1e-6)
    assert (np.diff(smoothed(codes, fresh, count)) < 0).any()
    assert (np.diff(other) >= 0).all()


def test_without_a_category_of_many_levels_the_trees_are_the_plain_ones() -> None:
    """Byte for byte, and no candidate on rates is offered unless it is asked for."""
    few, fits = FEATURES[1:], candidates(FEATURES[1:], None)
    lesson = teach(few, rows()[:1000], rows()[1000:1200], rows()[1200:1400], label_event=None).lesson

    assert fits["xgboost_rates"](lesson, 1).files == fits["xgboost"](lesson, 1).files
    assert not has_many_levels(few, rows())
    assert [kind for kind in offered(fits, few, rows(), None) if kind.endswith("_rates")] == []
    assert "xgboost_rates" in offered(fits, few, rows(), "xgboost_rates")
    assert list(offered(candidates(FEATURES, None), FEATURES, rows(), None)) == list(candidates(FEATURES, None))


def test_levels_that_tell_nothing_do_not_mislead_trees_on_rates() -> None:
    """On customers not met they are nearer the truth than trees on codes, whose order their own rows have made."""
    model = taught()
    judged, outcome = model.calibrate, model.calibrate_labels

    def loss(kind: str) -> float:
        margin = candidates(FEATURES, None)[kind](model.lesson, 1).model().margin(judged).astype(float)
        return float(row_losses(outcome, 1 / (1 + np.exp(-margin))).mean())

    assert loss("xgboost_rates") < loss("xgboost") - 0.005
    assert loss("forest_rates") < loss("forest") - 0.005


def test_a_lesson_of_all_rows_keeps_customers_together() -> None:
    """Where every row is fitted on, the marks of calibration and stopping rows go along with them."""
    whole, marks = taught().whole, rows()["__group"].to_numpy()

    assert whole.groups is not None
    assert np.array_equal(whole.groups, np.concatenate([marks[:2000], marks[2400:], marks[2000:2400]]))
    assert np.array_equal(whole.fit_labels, np.concatenate([labels(rows()[part]) for part in PARTS]))


def test_nothing_is_rewritten_where_nothing_is_rated() -> None:
    """A booster without tables is given back as it is."""
    assert onto_codes(b"stored", {}) == b"stored"


def test_a_lesson_without_marks_deals_every_row_by_itself() -> None:
    """Rows that nobody has marked are each another customer's."""
    lesson = taught().lesson
    alone = Lesson(lesson.features, lesson.codes, lesson.fit, lesson.fit_labels, lesson.stop, lesson.stop_labels)

    assert not np.array_equal(on_rates(alone, 1)[0].fit[:, 0], on_rates(lesson, 1)[0].fit[:, 0])
