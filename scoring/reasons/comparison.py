"""A probability beside the average, as a sentence: 61%: above the average of 54%."""

from __future__ import annotations

from features.spec.languages import Language
from scoring.text.formatting import percent
from scoring.text.messages import texts

_FINE = 0.1  # below it a rate is shown with a decimal


def comparison_text(probability: float, average: float, language: Language) -> str:
    """What a probability is compared with the outcome's rate; alike where they are written alike.

    >>> comparison_text(0.613, 0.5407, "en"), comparison_text(0.0007, 0.5407, "en")
    ('61%: above the average of 54%', '0.1%: below the average of 54.1%')
    """
    decimals = int(min(probability, average) < _FINE)
    own, others = (percent(rate, language, decimals=decimals) for rate in (probability, average))
    key = "average_alike" if own == others else "average_above" if probability > average else "average_below"
    return texts(language)[key].format(own=own, others=others)
