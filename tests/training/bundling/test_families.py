"""Families of a model's features: by what they measure of a log, and as a use case declares them."""

from __future__ import annotations

import pytest

from features.spec.feature import Feature
from training.bundling.families import families


def _purchases(event: str) -> tuple[Feature, ...]:
    return (
        Feature(f"days_since_{event}", "number", "recency", "days", event=event),
        Feature(f"{event}s_7d", "integer", "frequency", f"{event}s", event=event, window_days=7),
        Feature(f"{event}s_365d", "integer", "frequency", f"{event}s", event=event, window_days=365),
        Feature(f"{event}s_30d_share", "number", "trend", "share", event=event, window_days=365, subject="30"),
        Feature(f"{event}_gap_mean_days", "number", "regularity", "days", event=event),
        Feature(f"{event}_gap_sd_days", "number", "regularity", "days", event=event),
    )


WIDE = (
    Feature("tenure_days", "number", "tenure", "days"),
    Feature("active_days_365d", "integer", "activity", "days", window_days=365),
    Feature("freshness", "number", "freshness", "share"),
    Feature("completeness", "number", "completeness", "share"),
)
MONEY = (
    Feature("monetary_7d", "number", "monetary", "EUR", window_days=7),
    Feature("monetary_total", "number", "monetary", "EUR"),
    Feature("average_basket", "number", "basket", "EUR", event="purchase"),
)
TRAITS = (
    Feature("sector", "category", "firmographic", subject="sector"),
    Feature("interests_count", "integer", "trait", subject="interests"),
    Feature("interests_golf", "integer", "trait", subject="interests: golf"),
)


def test_a_log_of_one_type_has_recency_rhythm_and_volume() -> None:
    """Amounts, active days and shares are of the volume, freshness is of the recency; the rest stands alone."""
    found = families((*WIDE, *_purchases("purchase"), *MONEY), {})

    assert found == {
        "recency: purchase": ("days_since_purchase", "freshness"),
        "rhythm: purchase": ("purchase_gap_mean_days", "purchase_gap_sd_days"),
        "volume: purchase": (
            "active_days_365d", "monetary_7d", "monetary_total", "purchases_30d_share", "purchases_365d",
            "purchases_7d",
        ),
    }  # fmt: skip


def test_types_of_events_have_families_of_their_own() -> None:
    """Amounts of no type are those of what is sold; what is of all types is in no family of one."""
    found = families((*WIDE, *_purchases("purchase"), *_purchases("visit"), *MONEY), {})

    assert {"volume: purchase", "volume: visit", "rhythm: purchase", "rhythm: visit"} == found.keys()
    assert {"monetary_7d", "monetary_total"} <= set(found["volume: purchase"])
    assert not {"active_days_365d", "freshness"} & {name for names in found.values() for name in names}


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (TRAITS, {"trait: interests": ("interests_count", "interests_golf")}),
        (
            tuple(
                Feature(f"time_{kind}_{days}d", "number", "measure", window_days=days, subject="time")
                for days in (7, 30) for kind in ("sum", "mean")
            ),
            {"measure: time": ("time_mean_30d", "time_mean_7d", "time_sum_30d", "time_sum_7d")},
        ),
        (
            tuple(
                Feature(f"by_{level}", "integer", "property", event="visit", window_days=90, subject=f"device: {level}")
                for level in ("mobile", "desktop")
            ),
            {"property: visit device": ("by_desktop", "by_mobile")},
        ),
        ((Feature("balance", "number"), Feature("job", "category")), {}),
    ],
)  # fmt: skip
def test_what_is_of_one_column_is_one_family(
    features: tuple[Feature, ...], expected: dict[str, tuple[str, ...]]
) -> None:
    """Levels of a list, sums and means of a measure, counts by a property; columns of a table stand alone."""
    assert families(features, {}) == expected


def test_a_declared_family_comes_before_what_features_measure() -> None:
    """A column stands for all features of it; a family that the model reads one feature of is none."""
    declared = {"money": ("monetary_7d", "monetary_total"), "self": ("sector", "interests"), "gone": ("sector2", "x")}

    found = families((*_purchases("purchase"), *MONEY, *TRAITS), declared)

    assert found["money"] == ("monetary_7d", "monetary_total")
    assert found["self"] == ("interests_count", "interests_golf", "sector")
    assert found["volume: purchase"] == ("purchases_30d_share", "purchases_365d", "purchases_7d")
    assert "gone" not in found
    assert families(MONEY[:1], declared) == {}
