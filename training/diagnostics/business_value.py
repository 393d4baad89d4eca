"""What a model would have been worth on its test rows, in one sentence."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from features.config.use_case import LogUseCase, UseCase
from features.spec.languages import LANGUAGES, Language
from scoring.bundle.manifest import CampaignWorth
from scoring.text.formatting import calendar_date, number
from training.data.clusters import Clusters
from training.evaluation.metrics import Outcomes, wilson

Floats = NDArray[np.float64]
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
UNSURE: dict[Language, str] = {
    "en": "Not surely more than chance: of the top {}{}, {} {}, against {} at random.",
    "fr": "Pas sûrement plus que le hasard : des {} premiers{}, {} {}, contre {} au hasard.",
}
STATED: dict[Language, str] = {
    "en": "Had you contacted the top {0}{1}, “{3}” would have come true {2} times, against {4} at random.",
    "fr": "Si vous aviez contacté les {0} premiers{1}, «\u00a0{3}\u00a0» se serait vérifié {2} fois, "
    "contre {4} au hasard.",
}
UNSURE_STATED: dict[Language, str] = {
    "en": "Not surely more than chance: among the top {0}{1}, “{3}” would have come true {2} times, "
    "against {4} at random.",
    "fr": "Pas sûrement plus que le hasard : parmi les {0} premiers{1}, «\u00a0{3}\u00a0» se serait vérifié {2} fois, "
    "contre {4} au hasard.",
}
ON: dict[Language, str] = {"en": " on ", "fr": " le "}


def worth(
    use_case: UseCase, label: Floats, probability: Floats, clusters: Clusters, cutoff: datetime | None
) -> CampaignWorth:
    """The outcomes among the highest scores, against as many rows at random; test rows only.

    Where they are not surely more, by the 90% interval of their rate, the sentence begins with that.
    """
    size = next((size for size in SIZES if size <= LARGEST_SHARE * len(label)), 1)
    came, rate = Outcomes.of(label, probability).top(size), float(np.mean(label))
    top = np.argsort(-probability, kind="stable")[:size]
    effect = clusters.taken(top).design_effect(label[top] - came / size)
    sure = wilson(came, size, effect=effect)["low"] > rate
    hits, chance = round(came), round(rate * size)
    sentences: dict[str, str] = {
        language: _sentence(use_case, sure)[language].format(
            number(float(size), language),
            ON[language] + calendar_date(cutoff.timestamp() / 86400, language) if cutoff else "",
            number(float(hits), language),
            outcome_words(use_case, language),
            number(float(chance), language),
        )
        for language in LANGUAGES
    }
    return CampaignWorth(contacted=size, hits=hits, at_random=chance, text=sentences)


def _sentence(use_case: UseCase, sure: bool) -> dict[Language, str]:
    """The sentence that an outcome stands in: as it is stated, else as the end of "N ..."."""
    if _states(use_case):
        return STATED if sure else UNSURE_STATED
    return SENTENCE if sure else UNSURE


def _states(use_case: UseCase) -> bool:
    """Whether the outcome is put as the use case states it; of purchases there is a sentence that says as much."""
    return use_case.outcome is not None and not (
        isinstance(use_case, LogUseCase) and use_case.label.event == "purchase"
    )


def outcome_words(use_case: UseCase, language: Language) -> str:
    """What the label says of a customer, as stated or as the end of "N ...": "would have bought within 90 days"."""
    if use_case.outcome is not None and _states(use_case):
        return str(getattr(use_case.outcome, language)).rstrip(".")
    if not isinstance(use_case, LogUseCase):
        return LABELLED[language].format(use_case.table.label, use_case.table.positive)
    event, absent = use_case.label.event, use_case.label.outcome == "absent"
    words = BOUGHT if event == "purchase" else HAPPENED
    return WITHIN[language].format(words[language][absent].format(event), use_case.window.prediction)
