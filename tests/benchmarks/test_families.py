"""What is counted as reasons of one family that disagree."""

from __future__ import annotations

from benchmarks.families import _disagreeing
from scoring.reasons.reason import Reason


def _reason(feature: str, contribution: float) -> Reason:
    return {
        "code": "frequency",
        "feature": feature,
        "value": 1,
        "contribution": contribution,
        "direction": "raises" if contribution >= 0 else "lowers",
        "favourable": True,
        "text": feature,
        "parts": [],
    }


def test_reasons_disagree_within_a_family_only() -> None:
    """Opposite directions of two families, or of one feature alone, are no contradiction."""
    within = [_reason("purchases_7d", 0.2), _reason("purchases_90d", -0.1)]
    between = [_reason("purchases_7d", 0.2), _reason("tenure_days", -0.1)]

    assert (
        _disagreeing(iter([within, between, within[:1]]), dict.fromkeys(("purchases_7d", "purchases_90d"), "volume"))
        == 1 / 3
    )
