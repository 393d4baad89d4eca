"""What a model would have been worth on its test rows, in one sentence."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scoring.text.formatting import LANGUAGES, Language, calendar_date, number
from training.evaluation.metrics import Outcomes

if TYPE_CHECKING:
    from features.config.use_case import UseCase

SIZES = (2000, 1000, 500, 200, 100, 50, 20, 10, 5, 1)
LARGEST_SHARE = 0.2  # of the test rows that the campaign in the sentence may reach
BOUGHT: dict[Language, tuple[str, str]] = {
    "en": ("would have bought", "would have bought nothing"),
    "fr": ("auraient acheté", "n'auraient rien acheté"),
}
HAPPENED: dict[Language, tuple[str, str]] = {
    "en": ("would have had a “{}” event", "would have had no “{}” event"),
    "fr": ("auraient eu un événement « {} »", "n'auraient eu aucun événement « {} »"),
}
WITHIN: dict[Language, str] = {"en": "{} within {} days", "fr": "{} dans les {} jours"}
LABELLED: dict[Language, str] = {"en": "would have had {} = {}", "fr": "auraient eu {} = {}"}
SENTENCE: dict[Language, str] = {
    "en": "Had you contacted the top {}{}, {} {}, against {} at random.",
    "fr": "Si vous aviez contacté les {} premiers{}, {} {}, contre {} au hasard.",
}
ON: dict[Language, str] = {"en": " on ", "fr": " le "}


def worth(
    use_case: UseCase, label: NDArray[Any], probability: NDArray[np.float64], cutoff: datetime | None
) -> dict[str, Any]:
    """The outcomes among the highest scores, against as many rows at random; test rows only."""
    size = next((size for size in SIZES if size <= LARGEST_SHARE * len(label)), 1)
    hits = round(Outcomes.of(label, probability).top(size))
    chance = round(float(np.mean(label)) * size)
    sentences = {language: _sentence(use_case, size, hits, chance, cutoff, language) for language in LANGUAGES}
    return {"contacted": size, "hits": hits, "at_random": chance, "text": sentences}


def _sentence(use_case: UseCase, size: int, hits: int, chance: int, cutoff: datetime | None, language: Language) -> str:
    top, came, random = (number(float(value), language) for value in (size, hits, chance))
    when = ON[language] + calendar_date(cutoff.timestamp() / 86400, language) if cutoff else ""
    return SENTENCE[language].format(top, when, came, outcome_words(use_case, language), random)


def outcome_words(use_case: UseCase, language: Language) -> str:
    """What the label says of a customer, as the end of "N ...": "would have bought within 90 days"."""
    if use_case.label is None or use_case.window is None:
        source = use_case.table
        return LABELLED[language].format(source.label, source.positive) if source else use_case.name
    event, absent = use_case.label.event, use_case.label.outcome == "absent"
    words = BOUGHT if event == "purchase" else HAPPENED
    return WITHIN[language].format(words[language][absent].format(event), use_case.window.prediction)
