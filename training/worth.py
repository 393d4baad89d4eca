"""What a model would have been worth on its test rows, in one sentence."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scoring.wording import LANGUAGES, Language, calendar_date, number
from training.evaluate import Outcomes

if TYPE_CHECKING:
    from features.usecase import UseCase

SIZES = (2000, 1000, 500, 200, 100, 50, 20, 10, 5, 1)
LARGEST_SHARE = 0.2  # of the test rows that a campaign in the sentence may reach
BOUGHT: dict[Language, tuple[str, str]] = {"en": ("bought", "not bought"), "fr": ("acheté", "rien acheté")}


def worth(
    use_case: UseCase, label: NDArray[Any], probability: NDArray[np.float64], cutoff: datetime | None
) -> dict[str, Any]:
    """The outcomes among the highest scores, against as many rows at random; test rows only."""
    size = next((size for size in SIZES if size <= LARGEST_SHARE * len(label)), 1)
    hits = round(Outcomes.of(label, probability).top(size))
    chance = round(float(np.mean(label)) * size)
    told = {language: _sentence(use_case, size, hits, chance, cutoff, language) for language in LANGUAGES}
    return {"contacted": size, "hits": hits, "at_random": chance, "text": told}


def _sentence(use_case: UseCase, size: int, hits: int, chance: int, cutoff: datetime | None, language: Language) -> str:
    top, came, random = (number(float(value), language) for value in (size, hits, chance))
    outcome = _outcome(use_case, language)
    if language == "fr":
        when = f" le {_day(cutoff, language)}" if cutoff else ""
        return f"Si vous aviez contacté les {top} premiers{when}, {came} auraient {outcome}, contre {random} au hasard."
    when = f" on {_day(cutoff, language)}" if cutoff else ""
    return f"Had you contacted the top {top}{when}, {came} would have {outcome}, against {random} at random."


def _outcome(use_case: UseCase, language: Language) -> str:
    if use_case.label is None or use_case.window is None:
        column = f"{use_case.table.label} = {use_case.table.positive}" if use_case.table else use_case.name
        return f"had {column}" if language == "en" else f"eu {column}"
    event, absent = use_case.label.event, use_case.label.outcome == "absent"
    days = use_case.window.prediction
    within = f" within {days} days" if language == "en" else f" dans les {days} jours"
    if event == "purchase":
        return BOUGHT[language][absent] + within
    if language == "en":
        return f"had no {event}{within}" if absent else f"had a {event}{within}"
    return f"eu aucun événement « {event} »{within}" if absent else f"eu un événement « {event} »{within}"


def _day(moment: datetime, language: Language) -> str:
    return calendar_date(moment.timestamp() / 86400, language)
