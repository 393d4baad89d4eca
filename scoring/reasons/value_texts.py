"""What multiplies a value, as sentences: `Last purchase 12 days ago: multiplies by 1.8`."""

from __future__ import annotations

from features.spec.languages import Language
from scoring.text.formatting import colon, number
from scoring.text.messages import texts


def multiplied(text: str, factor: float, language: Language) -> str:
    r"""A reason's sentence with what it multiplies the value by.

    >>> multiplied("Last purchase 12 days ago", 1.8, "en"), multiplied("Dernier achat il y a 12 jours", 0.5, "fr")
    ('Last purchase 12 days ago: multiplies by 1.8', 'Dernier achat il y a 12 jours\xa0: multiplie par 0,5')
    """
    return text + colon(language) + texts(language)["value_multiplies"].format(factor=number(factor, language))
