"""Why a version serves or does not, in words made of its rule and figures."""

from __future__ import annotations

import pytest

from features.spec.languages import Language
from scoring.text.messages import texts
from scoring.text.promotion import DecisionDocument, GainInterval, against_bar, baseline_text, decision_reason

GAIN = {"mean": 0.0123, "low": 0.001, "high": 0.02}
COMPARED = {"challenger_log_loss": 0.39, "champion_log_loss": 0.4, "log_loss_gain": GAIN, "least_gain": 0.004}
GUARDS = {
    "calibration": {"ece": 0.02, "ece_limit": 0.03},
    "stability": {"psi": 0.4, "psi_limit": 0.25},
    "baseline": {"gain_over_bar_high": -0.001},
    "seed_variance": {"gain": 0.0123, "gain_limit": 0.01},
}

FIRST = {
    "log_loss": 0.4,
    "base_rate_log_loss": 0.6,
    "log_loss_gain": {"mean": 0.2, "low": 0.1, "high": 0.3},
    "roc_auc": {"mean": 0.712, "low": 0.65, "high": 0.77},
    "rows": 1200,
    "ranked_rows": 300,
}


@pytest.mark.parametrize(
    ("told", "english", "french"),
    [
        ({"rule": "never"}, "never to promote", "sans promotion"),
        ({"rule": "first_model", "log_loss": 0.4, "base_rate_log_loss": 0.6}, "0.4000 against 0.6000", "0,4000 contre"),
        ({"rule": "first_model", **FIRST}, "ROC-AUC 0.712 [0.650, 0.770] on 300", "de 0,712 [0,650\u202f; 0,770]"),
        (
            {"rule": "ranks_nobody", **FIRST},
            "not surely rank better than chance: ROC-AUC 0.712",
            "pas sûrement mieux que le",
        ),
        ({"rule": "below_base_rate", **FIRST}, "It ranks, ROC-AUC 0.712", "Il classe, ROC-AUC de 0,712"),
        ({"rule": "first_model", **FIRST, "outside_folds": True}, "Few outcomes are known", "Peu d'issues"),
        (
            {"rule": "better", **COMPARED},
            "a gain of 0.0123 [0.0010, 0.0200]",
            "un gain de 0,0123 [0,0010\u202f; 0,0200]",
        ),
        (
            {"rule": "guarded", **COMPARED, "failed": ["seed_variance"]},
            "kept back for its luck",
            "écarté pour sa part de hasard",
        ),
        (  # as it was logged before 0.2.0
            {"rule": "guarded", **COMPARED, "luck": GUARDS["seed_variance"], "failed": ["luck"]},
            "at least 0.0100 asked, which another deal",
            "écarté pour sa part de hasard",
        ),
        ({"rule": "better", **COMPARED, **GUARDS}, "outcomes bear the moved scores out", "les issues confirment"),
        ({"rule": "guarded", **COMPARED, **GUARDS, "failed": ["stability"]}, "at most 0.250 asked", "au plus 0,250"),
        ({"rule": "better", **COMPARED, **GUARDS}, "it is at most −0.0010", "elle est au plus de −0,0010"),
        (
            {"rule": "leak", "findings": [{"rule": "separates_alone", "feature": "duration"}]},
            "Separates the outcomes alone: duration",
            "Sépare seule les issues\u00a0: duration",
        ),
        (
            {"rule": "champion_kept", **COMPARED, "moves": {"changed": 31, "rows": 1900}},
            "31 of 1,900 test rows change band.",
            "31 lignes de test sur 1\u202f900 changent de niveau.",
        ),
    ],
)
def test_a_decision_is_told_by_its_figures(told: DecisionDocument, english: str, french: str) -> None:
    """In both languages, and neither is the text that was stored."""
    pairs: tuple[tuple[Language, str], ...] = (("en", english), ("fr", french))
    for language, said in pairs:
        found = decision_reason({"reason": "As it was stored.", **told}, language)

        assert said in str(found)
        assert not found.foreign


@pytest.mark.parametrize("told", [{"rule": "of_tomorrow"}, {"rule": "better"}, {"rule": "better", "log_loss_gain": {}}])
def test_a_decision_without_words_or_figures_stays_as_it_was_stored(told: DecisionDocument) -> None:
    """An older version's reason is shown, and marked as English for a French reader."""
    french, english = (decision_reason({"reason": "As it was stored.", **told}, language) for language in ("fr", "en"))

    assert str(french) == str(english) == "As it was stored."
    assert (french.foreign, english.foreign) == (True, False)


@pytest.mark.parametrize(
    ("gain", "english", "french"),
    [
        (GAIN, "Beats the RFM logit: log-loss lower by 0.0123, 95% interval 0.0010 to 0.0200.", "plus basse de 0,0123"),
        (
            {**GAIN, "low": -0.001},
            "Does not surely beat the RFM logit: log-loss lower by 0.0123",
            "Ne bat pas sûrement",
        ),
        (
            {"mean": -0.001, "low": -0.003, "high": 0.002},
            "log-loss higher by 0.0010, 95% interval −0.0020 to 0.0030.",
            "log-perte plus haute de 0,0010, intervalle à 95\u202f% de −0,0020 à 0,0030.",
        ),
        (
            {"mean": -0.002, "low": -0.003, "high": -0.001},
            "Is surely worse than the RFM logit: log-loss higher by 0.0020, 95% interval 0.0010 to 0.0030.",
            "Fait sûrement moins bien que le logit RFM",
        ),
    ],
    ids=["beaten", "unsure", "unsure and higher", "worse"],
)
def test_a_loss_that_is_higher_is_said_to_be(gain: dict[str, float], english: str, french: str) -> None:
    """Never lower by a negative number; the interval turns with it."""
    assert english in against_bar("rfm_logit", GainInterval(**gain), "en")
    assert french in against_bar("rfm_logit", GainInterval(**gain), "fr")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_model_that_is_the_baseline_says_so(language: Language) -> None:
    """And one that none could be fitted beside says that."""
    words = texts(language)

    assert words["bar_rfm_logit"] in baseline_text(None, "rfm_logit", language)
    assert baseline_text(None, "xgboost", language) == words["bar_none"]


def test_both_languages_fill_the_same_figures() -> None:
    """Where a sentence stands in both, its English has the figures of its French."""
    english, french = texts("en"), texts("fr")

    assert english.keys() == french.keys()
    assert all(french.values())
    for key, text in english.items():
        assert not text or _named(text) == _named(french[key]), key


def _named(text: str) -> set[str]:
    return {part.split("}")[0] for part in text.split("{")[1:]}
