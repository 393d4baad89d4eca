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
    when = (
        ""
        if cutoff is None
        else f" le {_day(cutoff, language)}"
        if language == "fr"
        else f" on {_day(cutoff, language)}"
    )
    if use_case.label is not None and use_case.label.outcome == "absent":
        nothing = _nothing(use_case, language)
        if language == "fr":
            return f"Parmi les {top} premiers{when}, {came} {nothing}, contre {random} au hasard."
        return f"Of the top {top}{when}, {came} {nothing}, against {random} at random."
    if language == "fr":
        happened = f"auraient {_outcome(use_case, language)}"
        return f"Si vous aviez contacté les {top} premiers{when}, {came} {happened}, contre {random} au hasard."
    happened = f"would have {_outcome(use_case, language)}"
    return f"Had you contacted the top {top}{when}, {came} {happened}, against {random} at random."


def _nothing(use_case: UseCase, language: Language) -> str:
    """What those did who left: no label event in the prediction window."""
    event = use_case.label.event if use_case.label else ""
    bought = event == "purchase"
    if language == "fr":
        did = "n'ont rien acheté" if bought else f"n'ont eu aucun événement « {event} »"
        return f"{did}{_within(use_case, language)}"
    did = "bought nothing" if bought else f"had no {event}"
    return f"{did}{_within(use_case, language)}"


def _outcome(use_case: UseCase, language: Language) -> str:
    if use_case.label is None:
        column = f"{use_case.table.label} = {use_case.table.positive}" if use_case.table else use_case.name
        return f"had {column}" if language == "en" else f"eu {column}"
    event, within = use_case.label.event, _within(use_case, language)
    if event == "purchase":
        return ("bought" if language == "en" else "acheté") + within
    return f"had a {event}{within}" if language == "en" else f"eu un événement « {event} »{within}"


def _within(use_case: UseCase, language: Language) -> str:
    days = use_case.window.prediction if use_case.window else 0
    return f" within {days} days" if language == "en" else f" dans les {days} jours"


def _day(moment: datetime, language: Language) -> str:
    return calendar_date(moment.timestamp() / 86400, language)
