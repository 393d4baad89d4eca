"""What a contact changes, as answers have it beside a score: both log-odds, and the difference of the probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.spec.languages import Language
from scoring.answers.wire import UpliftAnswer, UpliftExplanation
from scoring.bundle.scorer import Scorer, Uplifts
from scoring.reasons.reasons import named_contributions, top_reasons

Floats = NDArray[np.float64]


def uplift_answers(
    scorer: Scorer, matrix: Floats, margin: NDArray[np.float32], reasons: int, language: Language
) -> Sequence[UpliftAnswer] | None:
    """The effect on rows that were scored, with the strongest reasons for the difference of the log-odds.

    None where the bundle does not serve it.
    """
    effects = scorer.uplift(matrix, margin)
    if effects is None:
        return None
    answers = _answers(effects)
    if reasons:
        explained = scorer.explain_uplift(matrix, effects)
        rows = zip(answers, matrix.tolist(), explained.contributions, strict=True)
        for answer, values, amounts in rows:
            answer["log_odds_difference_reasons"] = top_reasons(scorer.bundle, values, amounts, reasons, language)
    return answers


def explained_uplift(
    scorer: Scorer, matrix: Floats, margin: NDArray[np.float32], reasons: int, language: Language
) -> UpliftExplanation | None:
    """One row's effect and all that adds up to the difference of its log-odds; None where it is not served."""
    effects = scorer.uplift(matrix, margin)
    if effects is None:
        return None
    explained = scorer.explain_uplift(matrix, effects)
    amounts = explained.contributions[0]
    return {
        **_answers(effects)[0],
        "log_odds_difference_reasons": top_reasons(scorer.bundle, matrix[0].tolist(), amounts, reasons, language),
        "log_odds_difference_base_value": float(explained.base_value[0]),
        "log_odds_difference_contributions": named_contributions(scorer.bundle, amounts),
    }


def _answers(effects: Uplifts) -> list[UpliftAnswer]:
    columns = (effects.uplift, effects.treated, effects.control, effects.treated - effects.control)
    return [
        {
            "uplift": uplift,
            "log_odds_if_treated": treated,
            "log_odds_if_not": control,
            "log_odds_difference": difference,
            "log_odds_difference_reasons": [],
        }
        for uplift, treated, control, difference in zip(*(column.tolist() for column in columns), strict=True)
    ]
