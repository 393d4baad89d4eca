"""The texts a rule compares with: levels that a category has, in any spelling, and the bands and statuses there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from features.spec.feature import Feature, normalise
from scoring.segments.rules import Rule, RuleError

STATUSES = ("scored", "not_eligible", "insufficient_data", "invalid", "opted_out", "unknown", "stale")
_SHOWN = 12  # texts that a message lists
Texts = Mapping[str, Mapping[str, str]]  # by column: as a rule may write it -> as the column's values have it


def level_texts(features: Iterable[Feature]) -> dict[str, dict[str, str]]:
    """By category, each level's normalised spellings and the level; of features of one name the first holds."""
    texts: dict[str, dict[str, str]] = {}
    for feature in features:
        if feature.type == "category" and feature.name not in texts:
            levels = {normalise(level): level for level in feature.levels}
            texts[feature.name] = {normalise(other): level for other, level in feature.spellings.items()} | levels
    return texts


def exact_texts(values: Iterable[str]) -> dict[str, str]:
    """Codes, which have one spelling."""
    return {value: value for value in values}


def with_known_texts(rule: Rule, levels: Texts, codes: Texts) -> Rule:
    """The rule with every text as the values of its column have it.

    Raises:
        RuleError: A category has no such level, or there is no such band or status.
    """
    head = rule[0]
    if head in ("and", "or", "not"):
        return (head, *(with_known_texts(part, levels, codes) for part in rule[1:]))
    if head == "in":
        return head, rule[1], [_known(rule[1][1], value, levels, codes) for value in rule[2]]
    if head != "compare":
        return rule
    columns = [side[1] for side in rule[2:] if side[0] == "column"]
    sides = (
        side if side[0] == "column" else ("literal", _known(columns[0], side[1], levels, codes)) for side in rule[2:]
    )
    return (head, rule[1], *sides)


def with_every_spelling(rule: Rule, levels: Texts) -> Rule:
    """The rule as it holds for categories that are lower case and trimmed: a level stands for all its spellings."""
    head = rule[0]
    if head in ("and", "or", "not"):
        return (head, *(with_every_spelling(part, levels) for part in rule[1:]))
    if head == "in" and rule[1][1] in levels:
        texts = sorted({text for value in rule[2] for text in _spellings(value, levels[rule[1][1]])})
        return head, rule[1], texts
    if head != "compare":
        return rule
    columns = [side for side in rule[2:] if side[0] == "column"]
    if len(columns) == 2 or columns[0][1] not in levels:
        return rule
    literal = next(side[1] for side in rule[2:] if side[0] == "literal")
    among: Rule = ("in", columns[0], sorted(_spellings(literal, levels[columns[0][1]])))
    return among if rule[1] == "=" else ("not", among)


def _spellings(text: str, levels: Mapping[str, str]) -> set[str]:
    level = levels.get(normalise(text))
    return {normalise(text)} if level is None else {other for other, own in levels.items() if own == level}


def _known(column: str, value: Any, levels: Texts, codes: Texts) -> Any:
    if not isinstance(value, str) or (column not in levels and column not in codes):
        return value
    found = codes[column].get(value) if column in codes else levels[column].get(normalise(value))
    if found is None:
        there = sorted(set((codes.get(column) or levels[column]).values()))
        shown = ", ".join(there[:_SHOWN]) + (", ..." if len(there) > _SHOWN else "")
        raise RuleError(f"{column} must be compared with a value it can have ({shown or 'none'}), got {value}.")
    return found
