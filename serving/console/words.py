"""What the console says, in French and English."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scoring.wording import Language, number, percent

_TEXTS: Mapping[str, tuple[str, str]] = {  # each in English, then in French
    "title": ("Penchant console", "Console Penchant"),
    "subtitle": ("What each customer will do next, and why", "Ce que chaque client va faire, et pourquoi"),
    "skip": ("Skip to the content", "Aller au contenu"),
    "other_language": ("Français", "English"),
    "served": ("What is served", "Modèles en service"),
    "ready": ("Ready", "En service"),
    "not_ready": ("Not ready", "Indisponible"),
    "use_case": ("Use case", "Cas d'usage"),
    "version": ("Version", "Version"),
    "trained_to": ("Trained to", "Entraîné jusqu'au"),
    "good_news": ("High is good news", "Élevé : bonne nouvelle"),
    "bad_news": ("High is bad news", "Élevé : mauvaise nouvelle"),
    "auc": ("ROC AUC", "AUC ROC"),
    "lift": ("Lift in the top 10%", "Gain parmi les 10 % les plus élevés"),
    "base_rate": ("Base rate", "Taux moyen"),
    "report": ("Report", "Rapport"),
    "example": ("Use its example", "Prendre son exemple"),
    "none": (
        "Nothing is served yet. Train a model with `python -m training`, then reload this page.",
        "Aucun modèle en service. Entraînez-en un avec `python -m training`, puis rechargez cette page.",
    ),
    "refused": ("was refused, the last good version serves on", "refusée ; la dernière bonne version reste en service"),
    "refused_alone": ("was refused", "refusée"),
    "customer": ("Score one customer", "Évaluer un client"),
    "profile": ("Profile, as JSON", "Profil, en JSON"),
    "hint": (
        "One profile with every feature, null where it is not known. Nothing posted here is kept.",
        "Un profil avec toutes les variables, null si la valeur est inconnue. Rien n'est conservé.",
    ),
    "submit": ("Score", "Évaluer"),
    "result": ("Result", "Résultat"),
    "probability": ("Probability", "Probabilité"),
    "score": ("Score", "Score"),
    "percentile": ("Percentile", "Percentile"),
    "band": ("Band", "Niveau"),
    "segment": ("Segment", "Segment"),
    "no_segment": ("No segment", "Pas de segment"),
    "reasons": ("Reasons", "Facteurs"),
    "raises": ("raises", "augmente"),
    "lowers": ("lowers", "diminue"),
    "log_odds": ("Contribution (log-odds)", "Contribution (log-cotes)"),
    "effect": ("Effect", "Effet"),
    "next_band": ("Next band", "Niveau suivant"),
    "from": ("from", "à partir de"),
    "warnings": ("Warnings", "Avertissements"),
    "problem": ("This could not be scored", "Évaluation impossible"),
    "invalid": ("The profile is not valid", "Le profil n'est pas valide"),
    "not_eligible": (
        "Not eligible: the model does not speak of such customers",
        "Non éligible : le modèle ne concerne pas ce client",
    ),
    "insufficient_data": ("Too little is known of this customer", "Données insuffisantes sur ce client"),
    "docs": ("API description", "Description de l'API"),
    "docs_intro": (
        "Every route, what it takes and what it answers. For machines:",
        "Toutes les routes, ce qu'elles attendent et ce qu'elles répondent. Pour les machines :",
    ),
    "request": ("Request", "Requête"),
    "answers": ("Answers", "Réponses"),
    "schemas": ("Schemas", "Schémas"),
    "errors": ("Errors", "Erreurs"),
    "errors_intro": (
        "Every error is application/problem+json (RFC 9457) with a request_id.",
        "Chaque erreur est un document application/problem+json (RFC 9457) avec un request_id.",
    ),
    "unknown": ("unknown", "inconnu"),
    "influences": (
        "A reason influences the score; it does not prove a cause.",
        "Un facteur influence le score ; il ne prouve pas une cause.",
    ),
}


@dataclass(frozen=True, slots=True)
class Words:
    """One language's texts, numbers and dates; `say["key"]` in a template."""

    language: Language

    def __getitem__(self, key: str) -> str:
        english, french = _TEXTS[key]
        return french if self.language == "fr" else english

    def percent(self, share: float, decimals: int = 1) -> str:
        """A share of 0..1."""
        return percent(share, self.language, decimals=decimals)

    def number(self, value: float, decimals: int | None = None) -> str:
        """A number with the signs of the language."""
        return number(value, self.language, decimals=decimals)

    def signed(self, value: float) -> str:
        """A number with its sign, two decimals."""
        sign = "+" if value >= 0 else "−"
        return sign + number(abs(value), self.language, decimals=2)


words: Callable[[Language], Words] = Words
