"""From what was measured to a state."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from monitoring.state.judge import GRAVITY, Limits, Observed, judge
from scoring.health.health_file import DataQuality, FeatureDrift, ModelAge, SourceFreshness
from scoring.health.matured_windows import (
    BandOutcome,
    BaselineQuality,
    EstimatedQuality,
    MaturedWindow,
    MeasuredQuality,
)

NOTHING = Observed(
    learned_auc=(0.78, 0.84), windows=(), estimate=None, drift=(), quality=None, sources=(), age=None, next_known=None
)


def window(auc: float = 0.8, *, predicted: float = 0.1, gain: float = 0.01) -> MaturedWindow:
    """A day of 1,000 customers, 100 of whom had the outcome."""
    bounds = {"roc_auc": (auc - 0.02, auc + 0.02), "rate": (0.083, 0.12)}
    measured = MeasuredQuality(rows=1000, positives=100, roc_auc=auc, intervals=bounds)
    baseline = BaselineQuality(
        method="earlier", roc_auc=0.75, log_loss=0.3, gain=gain, gain_interval=(gain - 0.005, gain + 0.005)
    )
    band = BandOutcome(code="all", rows=1000, positives=100, predicted=predicted, realised=0.1)
    return MaturedWindow(
        as_of="2026-01-01", known_on="2026-04-01", version="1", measured=measured, baseline=baseline, bands=(band,)
    )


def test_without_an_outcome_nothing_is_claimed() -> None:
    """The one reason says that it is not known yet."""
    state, why = judge(NOTHING, Limits())

    assert (state, [reason.code for reason in why]) == ("fine", ["no_outcome"])


@pytest.mark.parametrize(
    ("last", "state", "code"),
    [
        (window(), "fine", "as_learned"),
        (window(auc=0.7), "distrust", "auc_fell"),
        (window(gain=-0.01), "distrust", "behind_rfm"),
        (window(gain=-0.006), "watch", "behind_rfm"),
        (window(predicted=0.13), "watch", "rates_off"),
        (window(predicted=0.04), "distrust", "rates_off"),
        (window(predicted=0.11), "fine", "as_learned"),
    ],
)
def test_the_last_matured_day_decides(last: MaturedWindow, state: str, code: str) -> None:
    """Whether it ranks as learned, beats the RFM logit, and promises what comes."""
    found, why = judge(replace(NOTHING, windows=(window(auc=0.6), last)), Limits())

    assert (found, why[0].code) == (state, code)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"estimate": EstimatedQuality(roc_auc=0.7, low=0.66, high=0.74, proven=True, windows=5)}, "estimate_low"),
        (
            {"drift": [FeatureDrift(feature="x", psi=0.1, p=0.0, moved_band=0.1, moved_segment=0, moved_list=0,
                                    alert=True)]},
            "drift",
        ),
        ({"age": ModelAge(version="1", trained_to="2025-12-01", days=120)}, "old_model"),
        ({"sources": [SourceFreshness("orders.csv", "2026-05-01", 31)]}, "stale_source"),
        ({"quality": DataQuality(customers=9, scored=9, rejected_rows=10, rejected_share=0.1)}, "rejected_rows"),
    ],
)  # fmt: skip
def test_what_is_feared_is_watched(change: dict[str, object], code: str) -> None:
    """What says nothing of outcomes never makes a score distrusted."""
    state, why = judge(replace(NOTHING, windows=(window(),), **change), Limits())  # type: ignore[arg-type]

    assert state == "watch"
    assert why[0].code == code
    assert [GRAVITY.index(reason.state) for reason in why] == sorted(
        (GRAVITY.index(reason.state) for reason in why), reverse=True
    )


def test_a_source_that_is_as_silent_as_usual_is_not_stale() -> None:
    """Over a feast; a day longer it is, and the limit that is named is the usual silence."""
    closed, late = (SourceFreshness("orders.csv", "2026-12-23", days, usual=11) for days in (11, 12))

    assert judge(replace(NOTHING, windows=(window(),), sources=[closed]), Limits())[0] == "fine"
    why = judge(replace(NOTHING, windows=(window(),), sources=[late]), Limits())[1]
    assert (why[0].code, why[0].values["limit"]) == ("stale_source", 11)


def test_an_unproven_estimate_says_nothing() -> None:
    """However low it is."""
    estimate = EstimatedQuality(roc_auc=0.5, low=0.4, high=0.6)

    assert judge(replace(NOTHING, estimate=estimate), Limits())[0] == "fine"


@pytest.mark.parametrize(("least", "code"), [(0.81, "below_estimate"), (0.79, "as_learned")])
def test_a_day_that_ranked_below_its_estimate_is_announced(least: float, code: str) -> None:
    """Once its outcome is known, whether or not the estimate was proven."""
    estimate = EstimatedQuality(roc_auc=least + 0.02, low=least, high=least + 0.04)
    last = msgspec.structs.replace(window(auc=0.8), estimate=estimate, estimate_true=least < 0.8)

    assert judge(replace(NOTHING, windows=(last,)), Limits())[1][0].code == code
