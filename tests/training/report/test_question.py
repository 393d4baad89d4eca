"""What a model was asked, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from features.spec.languages import Language
from scoring.bundle.manifest import Manifest, read_manifest
from scoring.models.threshold_planner import Cut, Plan
from tests.support.models import shop_manifest
from training.report.html import WORDS
from training.report.question import outcome, planned, population

LOG = {
    "label": {"event": "order", "outcome": "absent"},
    "windows": {"gap": 0, "observation": 365, "prediction": 60},
    "polarity": "negative",
}
TABLE = {"label": {"column": "y", "positive": "yes"}, "windows": None, "polarity": "positive"}
ACTIVE = {"feature": "days_since_order", "op": "<=", "value": 90.0}
CUT = Cut(40.6, 48.1, 33.2, 2.0, 0.2, 1060, 0.2, 0.4566)


@pytest.mark.parametrize(
    ("language", "manifest", "said"),
    [
        ("en", LOG, "no order within 60 days after the cutoff. A high score says it is likely: bad news."),
        ("fr", LOG, "aucune commande dans les 60 jours après la date de coupure."),
        ("fr", {**LOG, "label": {"event": "purchase", "outcome": "present"}}, "au moins un achat dans les 60 jours"),
        ("fr", TABLE, "y = yes. Un score élevé la dit probable\u00a0: bonne nouvelle."),
    ],
)
def test_the_outcome_is_a_sentence(language: Language, manifest: dict[str, Any], said: str) -> None:
    """With the event's own noun and its gender, and whether a high score is good news."""
    assert said in outcome(_manifest(manifest), WORDS[language], language)


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (
            {**LOG, "eligible": ACTIVE},
            "clients ayant eu au moins une commande dans les 90 jours avant la date de coupure",
        ),
        ({**LOG, "eligible": None}, "clients ayant eu un événement avant la date de coupure"),
        ({**TABLE, "eligible": None}, "toutes les lignes de la table"),
    ],
)
def test_the_population_is_named(manifest: dict[str, Any], said: str) -> None:
    """Never as a comparison on a feature."""
    assert population(_manifest(manifest), WORDS["fr"], "fr") == said


def test_a_plan_says_what_was_asked_and_what_to_expect() -> None:
    """Nothing where the bands were not planned."""
    whole = _manifest(LOG)
    plan = Plan({"cost": 1.5, "value": 30.0}, CUT, (), 5000, 0.01)

    told = planned(replace(whole, bands=replace(whole.bands, plan=plan)), WORDS["fr"], "fr")

    assert told is not None
    assert "un coût par contact de 1,5, une valeur par succès de 30" in told
    assert "à partir de 45,66\u202f% il compte 1\u202f060 des 5\u202f000 clients d'aujourd'hui" in told
    assert "41 succès attendus (intervalle à 90\u202f% de 33 à 48)" in told
    assert planned(whole, WORDS["fr"], "fr") is None


def _manifest(changes: dict[str, Any]) -> Manifest:
    return read_manifest({**shop_manifest("shop", "positive", np.linspace(0.05, 0.95, 200)), **changes})
