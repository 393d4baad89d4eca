"""Texts as a category: spellings merged, yes and no in any language as one pair, rare levels counted as other."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from features.spec.feature import MISSING, OTHER, normalise

YES = frozenset({"yes", "y", "true", "t", "1", "oui", "o", "vrai", "on", "x", "si", "sí", "ja"})
NO = frozenset({"no", "n", "false", "f", "0", "non", "faux", "off", "nein"})
_most_levels, _least_rows, _least_share = 250, 20, 0.001


@dataclass(frozen=True, slots=True)
class Category:
    """A category's cells, the levels with a code of their own, their other spellings, and what was done."""

    cells: pl.Series
    levels: tuple[str, ...]
    spellings: dict[str, str]  # normalised -> level
    distinct: int
    done: tuple[str, ...]


def as_category(texts: pl.Series, counts: pl.DataFrame) -> Category:
    """Spellings that differ in case or blanks are one level, shown as the most frequent spelling.

    `counts` has each different text and its number of cells.
    """
    done: list[str] = []
    spelled = sorted(zip(counts.to_series(0), counts.to_series(1), strict=True), key=lambda pair: (-pair[1], pair[0]))
    shown: dict[str, str] = {}
    rows: dict[str, int] = {}
    for text, n in spelled:
        level = shown.setdefault(normalise(text), text)
        rows[level] = rows.get(level, 0) + n
    if merged := len(spelled) - len(rows):
        done.append(f"{merged} spellings that differ in case or blanks only are merged")
    spellings: dict[str, str] = {}
    if answers := _yes_no(shown):
        done.append("yes and no in several spellings")
        spellings = dict.fromkeys(sorted(YES), "yes") | dict.fromkeys(sorted(NO), "no")
        sides = [(answers[normalise(level)], n) for level, n in rows.items()]
        rows = {side: sum(n for own, n in sides if own == side) for side in ("no", "yes")}
    mapping: dict[str, str | None] = {text: (answers or shown)[normalise(text)] for text, _ in spelled}
    mapping[MISSING] = mapping[OTHER] = None  # names of ours are no levels
    as_shown = all(mapping[text] == text for text, _ in spelled)
    cells = texts if as_shown else texts.replace_strict(mapping, return_dtype=pl.String)
    levels = _frequent(rows, len(texts), done)
    kept = {form: level for form, level in spellings.items() if level in levels}
    return Category(cells, levels, kept, len({mapping[text] for text, _ in spelled} - {None}), tuple(done))


def _yes_no(shown: dict[str, str]) -> dict[str, str] | None:
    """Each normalised answer as yes or no, where a column holds both in more than one spelling each way."""
    if not set(shown) <= YES | NO or len(shown) < 3:
        return None
    return {form: "yes" if form in YES else "no" for form in shown}


def _frequent(rows: dict[str, int], n: int, done: list[str]) -> tuple[str, ...]:
    """The levels with enough of the `n` rows, the most frequent first."""
    least = max(_least_rows, _least_share * n)
    ranked = sorted(rows.items(), key=lambda pair: (-pair[1], pair[0]))
    kept = tuple(level for level, count in ranked if count >= least and level not in (MISSING, OTHER))[:_most_levels]
    if rare := len(rows) - len(kept):
        done.append(f"{rare} levels with fewer than {least:g} rows, or beyond {_most_levels}, count as other")
    return kept
