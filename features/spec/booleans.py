"""Answers as people write them: which words are a yes, which are a no, and which words go together."""

from __future__ import annotations

from collections.abc import Collection

# What is said in one breath: the words of a yes and those of a no, by language, longest first.
_LANGUAGES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("true", "yes", "y", "t", "1", "1.0"), ("false", "no", "n", "f", "0", "0.0")),
    (("vrai", "oui", "o", "v", "1", "1.0"), ("faux", "non", "n", "f", "0", "0.0")),
    (("wahr", "ja", "j", "w", "1", "1.0"), ("falsch", "nein", "n", "f", "0", "0.0")),
    (("verdadero", "si", "s\u00ed", "s", "1", "1.0"), ("falso", "no", "n", "f", "0", "0.0")),
)
_PAIRS = (
    ("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("1", "0"), ("1.0", "0.0"), ("oui", "non"), ("o", "n"),
    ("vrai", "faux"), ("v", "f"), ("on", "off"), ("ja", "nein"), ("j", "n"), ("wahr", "falsch"), ("si", "no"),
    ("s\u00ed", "no"), ("verdadero", "falso"),
)  # fmt: skip
_WORDY = 3  # letters from which a word that has no partner in a column is still an answer
YES = frozenset(word for yes, _ in _LANGUAGES for word in yes) | {"on"}
NO = frozenset(word for _, no in _LANGUAGES for word in no) | {"off"}


def read_boolean(text: str) -> bool | None:
    """The answer a text stands for in a column of answers; None where it is none.

    >>> [read_boolean(text) for text in ("TRUE", " t ", "Oui", "N", "1.0", "X")]
    [True, True, True, False, True, None]
    """
    word = text.strip().casefold()
    if word in YES:
        return True
    return False if word in NO else None


def answers(words: Collection[str]) -> dict[str, bool] | None:
    """What each word of a column means, where all together are yes and no in several spellings; else None.

    They are where every word has its partner beside it, or where one language has them all and a word without a partner
    is no mere sign: NO, SI and ON are countries, O, N and X three answers.

    >>> answers({"yes", "y", "no", "n"})
    {'n': False, 'no': False, 'y': True, 'yes': True}
    >>> answers({"no", "si", "on"}), answers({"o", "n", "x"}), answers({"yes", "no"})
    (None, None, None)
    """
    met = frozenset(words)
    if len(met) < 3 or not met <= YES | NO:
        return None
    partnered = {word for pair in _PAIRS if met >= set(pair) for word in pair}
    alone = met - partnered
    one_language = any(met <= {*yes, *no} for yes, no in _LANGUAGES)
    if not partnered or (alone and not (one_language and _answers(partnered, alone))):
        return None
    return {word: word in YES for word in sorted(met)}


def _answers(partnered: Collection[str], alone: Collection[str]) -> bool:
    """Whether words without a partner are answers all the same: long ones, or signs beside long ones."""
    return all(len(word) >= _WORDY for word in alone) or any(len(word) >= _WORDY for word in partnered)
