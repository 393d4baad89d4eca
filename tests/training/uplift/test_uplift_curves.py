"""The areas under the Qini curve and the uplift curve."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.uplift.uplift_curves import UpliftCurves

Floats = NDArray[np.float64]
ROWS = 40
# scikit-uplift 0.5.1 (`sklift.metrics.qini_curve`, `uplift_curve`, areas by `sklearn.metrics.auc`) on `rows_of`: the
# area under the Qini curve and its end in outcomes, the area under the uplift curve and its end in outcomes.
ORACLE = {
    "apart": (87.56117794575866, 4.666666666666667, 205.7153015998823, 11.666666666666668),
    "ties": (35.934518422753726, 2.666666666666667, 90.62552186375716, 6.666666666666668),
    "few": (48.78229086280861, 2.25, 231.22514800566574, 11.25),
}


def rows_of(case: str) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Scores, arms and outcomes by a rule that anybody can repeat."""
    row = np.arange(ROWS)
    scores = ((row * 37) % (7 if case == "ties" else 101)) / (7.0 if case == "ties" else 101.0)
    treated = (row * 13) % 5 < (1 if case == "few" else 2)
    return scores, treated, ((row * 29) % 11 < 4 + 2 * treated * (scores > 0.5)).astype(np.float64)


@pytest.mark.parametrize("case", ORACLE)
def test_both_curves_are_those_of_scikit_uplift(case: str) -> None:
    """Its values are recorded; ours are per customer, and per treated customer."""
    scores, treated, good = rows_of(case)

    taken, qini, uplift = UpliftCurves.of(scores, treated, good).curves()

    found = np.trapezoid(qini, taken) * ROWS, qini[-1], np.trapezoid(uplift, taken) * ROWS * ROWS, uplift[-1] * ROWS
    assert np.array(found) * [treated.sum(), treated.sum(), 1, 1] == pytest.approx(ORACLE[case], rel=1e-12)


def test_the_qini_of_one_score_for_all_is_nothing() -> None:
    """Whoever stands together is taken together: a straight line."""
    _, treated, good = rows_of("apart")

    qini, auuc = UpliftCurves.of(np.zeros(ROWS), treated, good).areas()

    effect = good[treated].mean() - good[~treated].mean()
    assert qini == pytest.approx(0)
    assert auuc == pytest.approx(effect / 2)


def test_a_row_drawn_twice_counts_as_two_rows() -> None:
    """Weights are what a bootstrap draws."""
    scores, treated, good = rows_of("apart")
    drawn = np.random.default_rng(0).multinomial(ROWS, np.full(ROWS, 1 / ROWS)).astype(np.float64)
    copied = np.repeat(np.arange(ROWS), drawn.astype(int))

    weighted = UpliftCurves.of(scores, treated, good).areas(drawn)

    assert weighted == pytest.approx(UpliftCurves.of(scores[copied], treated[copied], good[copied]).areas())
