"""One customer's score explained in full: every contribution and every reason."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.spec.languages import Language
from scoring.answers.discovered import SILENT
from scoring.answers.prepared_profile import PreparedProfile
from scoring.answers.score import MAX_REASONS, check_request, features_of, opening
from scoring.answers.served_release import Live, published, statuses_of
from scoring.answers.uplift_answers import explained_uplift
from scoring.answers.value_answers import explained_value
from scoring.answers.wire import ExplainedScore
from scoring.encoding.notes import Note
from scoring.reasons.comparison import comparison_text
from scoring.reasons.reasons import named_contributions, top_reasons


def explain_profile(served: Live, profile: Any, *, language: Language = "en") -> ExplainedScore:
    """The body of POST /v1/explanations: base value and contributions on the calibrated scale, and all reasons.

    Raises:
        RequestError: The language is not allowed.
        ProfileError: The profile is malformed or a feature breaks a rule; `notes` names each.
    """
    check_request({}, use_cases=None, reasons=0, language=language)
    notes = opening(profile).get("errors")
    if notes:
        raise ProfileError(notes)
    name = served.release.bundle.name
    if isinstance(profile, PreparedProfile) and name not in profile.features:
        silent = profile.answers[name]
        raise ProfileError(silent.get("errors") or [_nothing(silent["status"])])
    features = features_of({}, profile, name, frozenset({name}))[0]
    values, errors, warnings = served.scorer.encoder.row(features)
    if errors:
        raise ProfileError(errors)
    return _explanation(served, np.asarray([values]), warnings, language)


class ProfileError(ValueError):
    """The one profile of an explanation is not as it must be; `notes` names every broken rule."""

    def __init__(self, notes: list[Note]) -> None:
        super().__init__(f"A profile must keep every rule of its features, {len(notes)} are broken.")
        self.notes = notes


def _explanation(served: Live, matrix: NDArray[np.float64], warnings: list[Note], language: Language) -> ExplainedScore:
    bundle = served.release.bundle
    scored = served.scorer.score(matrix)
    explained = served.scorer.explain(matrix, scored.margin)
    status = statuses_of(served.scorer, matrix)[0]
    facts = published(served, scored, language)[0]
    explanation: ExplainedScore = {
        "use_case": bundle.name,
        "eligible": status == "scored",
        "base_value": float(explained.base_value[0]),
        "contributions": named_contributions(bundle, explained.contributions[0]),
        "margin": float(scored.margin[0]),
        "calibration": {"a": bundle.calibration.a, "b": bundle.calibration.b},
        "probability": facts["probability"],
        "score": facts["score"],
        "percentile": facts["percentile"],
        "band": facts["band"],
        "next_band": facts["next_band"],
        "reasons": top_reasons(bundle, matrix[0].tolist(), explained.contributions[0], MAX_REASONS, language),
        "model_version": served.release.version,
        "trained_to": bundle.manifest.trained_to,
        "warnings": warnings,
    }
    if (average := bundle.manifest.average) is not None:
        explanation["comparison"] = comparison_text(explanation["probability"], average, language)
    if stated := served.stated_effect:
        explanation["effect"], explanation["human_decision"] = stated["effect"], stated["human_decision"]
    places = {name: one.places(matrix, MAX_REASONS, language)[0] for name, one in served.discovering.items()}
    if places and status not in SILENT:
        explanation["discovered"] = places
    effect = explained_uplift(served.scorer, matrix, scored.margin, MAX_REASONS, language)
    if effect is not None:
        explanation["uplift"] = effect
    value = explained_value(served.scorer, matrix, MAX_REASONS, language)
    if value is not None:
        explanation["value"] = value
    return explanation


def _nothing(status: str) -> Note:
    return {"code": status, "detail": f"There is nothing to explain: the customer's status is {status}."}
