"""A home as monitoring leaves it: its health, a year of days whose outcome is known, and alerts."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from msgspec.structs import replace

from scoring.health.alert_file import change_alerts
from scoring.health.health_file import (
    FeatureDrift,
    GoalProgress,
    GoalState,
    HealthAlert,
    HealthDocument,
    HealthReason,
    ModelAge,
    RealisedQuality,
    ServedDrift,
    SourceFreshness,
    UseCaseHealth,
    Value,
    write_health,
)
from scoring.health.matured_windows import (
    BandOutcome,
    BaselineQuality,
    EstimatedQuality,
    MaturedWindow,
    MeasuredQuality,
    write_windows,
)

LAST = date(2026, 3, 1)
FELL: dict[str, Value] = {"day": LAST.isoformat(), "roc_auc": 0.71, "low": 0.69, "high": 0.73, "learned": 0.78}


def window(day: int, days: int) -> MaturedWindow:
    """A day of 20,000 customers, a little worse than the one before."""
    as_of = LAST - timedelta(days=days - 1 - day)
    rate, area = 0.1 + 0.02 * (day % 7) / 7, 0.8 - 0.09 * day / days
    bounds = {"rate": (rate - 0.004, rate + 0.004), "roc_auc": (area - 0.02, area + 0.02)}
    bands = tuple(
        BandOutcome(
            code=code, rows=5000, positives=round(5000 * rate), predicted=0.1, realised=rate, interval=bounds["rate"]
        )
        for code in ("low", "medium", "high", "very_high")
    )
    return MaturedWindow(
        as_of=f"{as_of.isoformat()}T00:00:00+00:00",
        known_on=(as_of + timedelta(days=90)).isoformat(),
        version="1" if day < days // 2 else "2",
        measured=MeasuredQuality(
            rows=20_000,
            positives=round(20_000 * rate),
            roc_auc=area,
            log_loss=0.3,
            brier=0.09,
            ece=0.01,
            intervals=bounds,
        ),
        baseline=BaselineQuality(method="earlier", roc_auc=0.75, log_loss=0.31, gain=0.01, gain_interval=(0.0, 0.02)),
        bands=bands,
        segments=bands,
        estimate=EstimatedQuality(roc_auc=0.79, low=0.7, high=0.85, proven=True, windows=5),
        estimate_true=True,
    )


def drift(feature: str, moved: float) -> FeatureDrift:
    """A feature whose drift moves a share of customers."""
    return FeatureDrift(
        feature=feature,
        psi=8 * (1 - moved),
        p=0.0,
        moved_band=moved,
        moved_segment=moved / 2,
        moved_list=moved / 3,
        value_at_risk=1000 * moved,
        alert=moved > 0.1,
    )


def health_of_churn() -> UseCaseHealth:
    """Not to be trusted, for two reasons."""
    feature: dict[str, Value] = {"feature": "days_since_purchase", "moved": 0.2, "value": 200.0, "features": 1}
    return UseCaseHealth(
        state="distrust",
        why=(HealthReason("auc_fell", FELL, "distrust"), HealthReason("drift", feature, "watch")),
        realised=RealisedQuality(
            as_of=f"{LAST.isoformat()}T00:00:00+00:00", version="2", rows=20_000, positives=2000, roc_auc=0.71,
            log_loss=0.32,
        ),
        estimate=EstimatedQuality(roc_auc=0.7, low=0.66, high=0.75, proven=False, windows=2),
        drift=(drift("days_since_purchase", 0.2), drift("purchases_90d", 0.01)),
        served=(
            ServedDrift(door="http", first="2026-05-26", last="2026-06-01", rows=1200, counted=1200,
                        psi={"purchases_90d": 0.31, "days_since_purchase": 0.02}, score_psi=0.12),
            ServedDrift(door="batch", first="2026-05-30", last="2026-05-30", rows=9, counted=9),
        ),
        sources=(SourceFreshness("orders.csv", "2026-05-20", 12), SourceFreshness("visits.csv", "2026-06-01", 0)),
        age=ModelAge(version="2", trained_to="2026-01-01", days=151),
    )  # fmt: skip


def look_at(home: Path, *, days: int = 30) -> None:
    """Leaves in a home of `churn` and `propensity` what monitoring would."""
    begun = HealthReason("no_outcome", {"next_known": "2026-09-01"})
    use_cases = {
        "propensity": UseCaseHealth(state="fine", why=(begun,), next_known="2026-09-01"),
        "churn": health_of_churn(),
    }
    goals = (
        goal("at_risk", "churn", "behind", (0.31, 0.36)),
        goal("loyal", "conversion", "reached", (0.22, 0.26)),
        goal("promising", "value", "unmeasured", None),
        replace(goal("", "value", "reached", (400.0, 800.0)), campaign="9368562671e2", currency="EUR"),
    )
    write_health(home, HealthDocument(as_of="2026-06-01T00:00:00+00:00", use_cases=use_cases, goals=goals))
    write_windows(home, "churn", [window(day, days) for day in range(days)])
    change_alerts(home, lambda _: [alert("0a", use_cases["churn"].why[0]), alert("0b", use_cases["churn"].why[1])])


def alert(alert_id: str, what: HealthReason) -> HealthAlert:
    """An open alert about churn."""
    subject = what.values.get("feature")
    return HealthAlert(
        id=alert_id,
        use_case="churn",
        state="open",
        since="2026-06-01",
        what=what,
        damage=200.0 if subject else None,
        subject=str(subject) if subject else None,
    )


def goal(segment: str, kpi: str, state: GoalState, interval: tuple[float, float] | None) -> GoalProgress:
    """What came of a segment's goal."""
    realised = None if interval is None else sum(interval) / 2
    rows, as_of = (0, None) if interval is None else (900, LAST.isoformat())
    return GoalProgress(
        segment=segment, kpi=kpi, target=0.2, by="2026-12-31", state=state, use_case="churn", as_of=as_of, rows=rows,
        realised=realised, interval=interval,
    )  # fmt: skip
