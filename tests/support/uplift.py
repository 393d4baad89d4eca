"""A release with the effect of a contact: its control model is its own model, calibrated otherwise."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from scoring.answers.served_release import Live
from scoring.bundle.uplift_part import TreatmentBalance, UpliftEvidence, UpliftPart
from scoring.models.calibration import Calibration
from scoring.text.promotion import GainInterval

SURE = GainInterval(high=0.06, low=0.02, mean=0.04)


def with_uplift(live: Live) -> Live:
    """The same release with an uplift that ranks customers otherwise than its score does."""
    bundle = live.release.bundle
    ours = bundle.calibration
    evidence = UpliftEvidence(
        auuc=SURE,
        balance=TreatmentBalance(p=0.5, roc_auc=0.5),
        beats={"everyone": SURE, "response": SURE},
        behind={},
        control=1000,
        depth=0.2,
        effect=SURE,
        judged=1400,
        learner="logit",
        level=0.05,
        policies={"everyone": SURE, "response": SURE, "uplift": SURE},
        qini=SURE,
        share=0.5,
        treated=1000,
    )
    control = Calibration(ours.a * 2, ours.b * 2)
    part = UpliftPart(calibration=control, evidence=evidence, file="control.ubj", kind=bundle.manifest.kind)
    manifest = msgspec.structs.replace(bundle.manifest, uplift=part)
    return Live(replace(live.release, bundle=replace(bundle, manifest=manifest, control=bundle.model)))
