"""What opens of mail are worth, as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from features.spec.languages import Language
from scoring.text.formatting import figure, unbreakable

if TYPE_CHECKING:
    from training.registry.lines import OpensLine

_TEXTS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "worth": "Opens of mail lower the log-loss by {0} (95% interval {1} to {2}): "
        "without them a model of the same kind has {3}.",
        "sure": "They are worth something here; whether that is worth asking for consent is yours to decide.",
        "unsure": "The interval holds 0: they are not surely worth anything, and may as well be left out.",
        "harm": "They do harm here: leave them out.",
        "all": "Without opens of mail no score rises with the outcome: the model lives by them.",
    },
    "fr": {
        "worth": "Les ouvertures de courriels réduisent la log-perte de {0} (intervalle à 95 % : {1} à {2}) : "
        "sans elles, un modèle du même type a {3}.",
        "sure": "Elles apportent quelque chose ici ; à vous de dire si cela vaut d'en demander le consentement.",
        "unsure": "L'intervalle contient 0 : rien ne dit qu'elles apportent quoi que ce soit, autant s'en passer.",
        "harm": "Elles nuisent ici : mieux vaut s'en passer.",
        "all": "Sans les ouvertures de courriels, aucun score ne croît avec l'issue : le modèle ne vit que d'elles.",
    },
}


def opens_text(opens: OpensLine, language: Language) -> str:
    """How much lower the log-loss is by opens, and whether that is sure."""
    texts, gain, without = _TEXTS[language], opens["log_loss_gain"], opens["log_loss_without"]
    if gain is None or without is None:
        text = texts["all"]
    else:
        shown = (figure(value, language, decimals=4) for value in (gain["mean"], gain["low"], gain["high"], without))
        how = "sure" if gain["low"] > 0 else "harm" if gain["high"] < 0 else "unsure"
        text = f"{texts['worth'].format(*shown)} {texts[how]}"
    return unbreakable(text) if language == "fr" else text
