"""What a model was asked, in words."""

from __future__ import annotations

from typing import Any

import pytest

from features.spec.languages import Language
from training.report.html import WORDS
from training.report.question import outcome, planned, population

LOG = {"label": {"event": "order", "outcome": "absent"}, "windows": {"prediction": 60}, "polarity": "negative"}
TABLE = {"label": {"column": "y", "positive": "yes"}, "windows": None, "polarity": "positive"}
ACTIVE = {"feature": "days_since_order", "op": "<=", "value": 90.0}
CUT = {"threshold": 0.4566, "rows": 1060, "hits": 40.6, "hits_low": 33.2, "hits_high": 48.1}


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
    assert said in outcome(manifest, WORDS[language], language)


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
    assert population(manifest, WORDS["fr"], "fr") == said


def test_a_plan_says_what_was_asked_and_what_to_expect() -> None:
    """Nothing where the bands were not planned."""
    plan = {"asked": {"cost": 1.5, "value": 30.0}, "cut": CUT, "population": 5000}

    told = planned({"bands": {"plan": plan}}, WORDS["fr"], "fr")

    assert told is not None
    assert "un coût par contact de 1,5, une valeur par succès de 30" in told
    assert "à partir de 45,66\u202f% il compte 1\u202f060 des 5\u202f000 clients d'aujourd'hui" in told
    assert "41 succès attendus (intervalle à 90\u202f% de 33 à 48)" in told
    assert planned({"bands": {"plan": None}}, WORDS["fr"], "fr") is None
