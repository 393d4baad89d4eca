"""Texts as a category: spellings merged, yes and no in any language as one pair, rare levels counted as other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from features.columns.format_inference import READABLE
from features.spec.booleans import NO, YES, answers
from features.spec.feature import MISSING, OTHER, normalise
from features.spec.missing import MACHINE

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

    `counts` has each different text and its number of cells. What machines write for nothing is null; a level that is
    called as our marks for missing and other are stands in quotes.
    """
    done: list[str] = []
    texts, said = _without_machines_words(texts)
    spelled = sorted(
        ((text, n) for text, n in counts.iter_rows() if text.casefold() not in MACHINE),
        key=lambda pair: (-pair[1], pair[0]),
    )
    shown: dict[str, str] = {}
    rows: dict[str, int] = {}
    for text, n in spelled:
        level = shown.setdefault(form := normalise(text), f"'{text}'" if form in (MISSING, OTHER) else text)
        rows[level] = rows.get(level, 0) + n
    spellings = {form: level for form, level in shown.items() if form in (MISSING, OTHER)}
    if said:
        done.append(f"{said} cells that say they are empty are null")
    if merged := len(spelled) - len(rows):
        done.append(f"{merged} spellings that differ in case or blanks only are merged")
    if meant := _answers(shown, rows):
        done.append("yes and no in several spellings")
        spellings |= dict.fromkeys(sorted(YES), "yes") | dict.fromkeys(sorted(NO), "no")
        shown |= {form: "yes" if yes else "no" for form, yes in meant.items()}
    mapping = {text: shown[normalise(text)] for text, _ in spelled}
    as_shown = all(mapping[text] == text for text, _ in spelled)
    cells = texts if as_shown else texts.replace_strict(mapping, return_dtype=pl.String)
    levels = _frequent(_rows_of(mapping, spelled), len(texts), done)
    kept = {form: level for form, level in spellings.items() if level in levels}
    return Category(cells, levels, kept, len(set(mapping.values())), tuple(done))


def _without_machines_words(texts: pl.Series) -> tuple[pl.Series, int]:
    """The texts without those by which machines say that there is nothing, and how many these were."""
    said = texts.str.to_lowercase().is_in(sorted(MACHINE))
    count = int(said.sum())
    return (texts.set(said.fill_null(False), None) if count else texts), count


def _answers(shown: Mapping[str, str], rows: Mapping[str, int]) -> dict[str, bool] | None:
    """What the words of a column of answers mean, of which a few cells may hold something else; else None."""
    words = {form for form in shown if form in YES | NO}
    if sum(rows[shown[form]] for form in words) < READABLE * sum(rows.values()):
        return None
    return answers(words)


def _rows_of(mapping: Mapping[str, str], spelled: list[tuple[str, int]]) -> dict[str, int]:
    """How many rows each level has."""
    rows: dict[str, int] = {}
    for text, n in spelled:
        rows[mapping[text]] = rows.get(mapping[text], 0) + n
    return rows


def _frequent(rows: dict[str, int], n: int, done: list[str]) -> tuple[str, ...]:
    """The levels with enough of the `n` rows, the most frequent first."""
    least = max(_least_rows, _least_share * n)
    ranked = sorted(rows.items(), key=lambda pair: (-pair[1], pair[0]))
    kept = tuple(level for level, count in ranked if count >= least)[:_most_levels]
    if rare := len(rows) - len(kept):
        done.append(f"{rare} levels with fewer than {least:g} rows, or beyond {_most_levels}, count as other")
    return kept
