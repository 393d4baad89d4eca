"""What customers will bring, as answers have it beside a score: its interval, and what multiplies it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.spec.languages import Language
from scoring.answers.wire import ValueAnswer, ValueExplanation, ValueReason
from scoring.bundle.scorer import Scorer
from scoring.reasons.reason import Reason
from scoring.reasons.reasons import named_contributions, top_reasons
from scoring.reasons.value_texts import multiplied

Floats = NDArray[np.float64]


def value_answers(scorer: Scorer, matrix: Floats, reasons: int, language: Language) -> Sequence[ValueAnswer] | None:
    """The value of rows that were scored, with what multiplies a typical customer's most; None where not served."""
    values, part = scorer.value(matrix), scorer.bundle.manifest.value
    if values is None or not part:
        return None
    answers: list[ValueAnswer] = [
        {
            "expected": expected,
            "low": low,
            "high": high,
            "horizon": f"{part.horizon}d",
            "currency": part.currency,
            "of": part.of,
            "reasons": [],
        }
        for expected, low, high in zip(values.expected.tolist(), values.low.tolist(), values.high.tolist(), strict=True)
    ]
    if reasons:
        explained = scorer.explain_value(matrix, values.expected)
        rows = zip(answers, matrix.tolist(), explained.base.tolist(), explained.factors, strict=True)
        for answer, cells, base, factors in rows:
            found = top_reasons(scorer.bundle, cells, factors, reasons, language)
            answer["reasons"] = [value_reason(reason, language) for reason in found]
            answer["base"] = base
            answer["other_factors"] = answer["expected"] / (
                base * math.prod(reason["multiplies_by"] for reason in answer["reasons"])
            )
    return answers


def explained_value(scorer: Scorer, matrix: Floats, reasons: int, language: Language) -> ValueExplanation | None:
    """One row's value, and everything that multiplies up to it; None where it is not served."""
    answers = value_answers(scorer, matrix, reasons, language)
    if answers is None:
        return None
    factors = scorer.explain_value(matrix, np.asarray([answers[0]["expected"]])).factors[0]
    named = named_contributions(scorer.bundle, factors)
    return {**answers[0], "factors": {name: math.exp(amount) for name, amount in named.items()}}


def value_reason(reason: Reason, language: Language) -> ValueReason:
    """A reason whose contribution is the logarithm of what it multiplies by."""
    factor = math.exp(reason["contribution"])
    return {
        "code": reason["code"],
        "feature": reason["feature"],
        "value": reason["value"],
        "multiplies_by": factor,
        "direction": reason["direction"],
        "text": multiplied(reason["text"], factor, language),
        "parts": [
            {"feature": part["feature"], "value": part["value"], "multiplies_by": math.exp(part["contribution"])}
            for part in reason["parts"]
        ],
    }
