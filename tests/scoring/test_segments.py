from __future__ import annotations

from itertools import product

import pytest

from scoring.segments import Standing, segment_of

LOW, MIDDLE, HIGH = Standing("scored", lowest=True), Standing("scored"), Standing("scored", highest=True)
NOT_ELIGIBLE = Standing("not_eligible")


@pytest.mark.parametrize(
    ("churn", "propensity", "code"),
    [
        (NOT_ELIGIBLE, LOW, "dormant"),
        (NOT_ELIGIBLE, MIDDLE, "promising"),
        (NOT_ELIGIBLE, HIGH, "promising"),
        *((HIGH, other, "at_risk") for other in (LOW, MIDDLE, HIGH)),
        *((LOW, other, "loyal") for other in (LOW, MIDDLE, HIGH)),
        *((MIDDLE, other, "promising") for other in (LOW, MIDDLE, HIGH)),
    ],
)
def test_the_first_rule_that_holds_names_the_segment(churn, propensity, code):
    """In order: dormant, at risk, loyal, else promising."""
    segment = segment_of({"churn": churn, "propensity": propensity})

    assert segment is not None
    assert segment.code == code


def test_there_is_no_segment_unless_both_models_speak():
    """One model alone, or one that is invalid or knows nothing, names no segment."""
    assert segment_of({"churn": HIGH}) is None
    assert segment_of({"propensity": HIGH}) is None
    for silent, other in product(
        ("invalid", "insufficient_data", "opted_out", "unknown", "stale"), (LOW, NOT_ELIGIBLE)
    ):
        assert segment_of({"churn": Standing(silent), "propensity": other}) is None
        assert segment_of({"churn": other, "propensity": Standing(silent)}) is None
