"""A release with what customers will bring: past spend at the same pace, drawn to that of all."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from scoring.answers.served_release import Live
from scoring.bundle.bundle import canonical_json
from scoring.bundle.value_part import ValueBand, ValueCandidate, ValuePart, ValueTest
from scoring.models.value_model import FORMULA_FILE, PastSpend, parse_value

TEST = ValueTest(
    actual=9000.0,
    customers=200,
    cutoff="1998-04-02",
    gini=0.7,
    mae=12.0,
    past_gini=0.6,
    predicted=9100.0,
    ratio=9100 / 9000,
    young=20,
    young_ratio=0.9,
)
BANDS = tuple(
    ValueBand(floor=floor, high=1.2, low=0.9, predicted=floor, realised=floor, rows=50) for floor in (0.0, 40.0, 80.0)
)
FORMULA = PastSpend(
    {"spent": "monetary_365d", "age": "days_since_purchase"}, {"spent": 400.0, "age": 200.0}, 365.0, 60.0, 1.5, 90.0
)


def with_value(live: Live, *, margin: float | None = 0.4) -> Live:
    """The same release with a value beside its score."""
    bundle = live.release.bundle
    part = ValuePart(
        bands=BANDS,
        calibrated_on="later",
        candidates={"past_spend": ValueCandidate(0.0, 9.0, 0.0)},
        currency="EUR",
        cutoffs=("1998-01-02",),
        discount=0.0,
        file=FORMULA_FILE,
        horizon=90,
        kind="past_spend",
        margin=margin,
        scale=(margin or 1.0) * 0.95,
        test=TEST,
        tested=90,
    )
    stored = canonical_json(msgspec.to_builtins(FORMULA))
    model = parse_value({FORMULA_FILE: stored}, [feature.name for feature in bundle.features])
    manifest = msgspec.structs.replace(bundle.manifest, value=part)
    return Live(replace(live.release, bundle=replace(bundle, manifest=manifest, value=model)))
