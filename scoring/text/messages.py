"""The messages on a training, `messages.toml`, and its figures as a sentence shows them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from features.spec.languages import Language
from scoring.text.formatting import figure, iso_date, number, percent, unbreakable

_DECIMALS = {"auc": 3, "error": 3, "mean": 4, "low": 4, "high": 4}
_CODES = ("topic", "by")  # with a message for each value
_DAYS = ("cutoff", "start", "last_day", "next_day")


@cache
def texts(language: Language) -> Mapping[str, str]:
    """Every text of `messages.toml` by its key; the tables there are for the reader only."""
    tables = tomllib.loads((Path(__file__).parent / "messages.toml").read_text(encoding="utf-8"))
    found = {key: forms[language] for table in tables.values() for key, forms in table.items()}
    return {key: unbreakable(text) for key, text in found.items()} if language == "fr" else found


def rule_name(rule: str, language: Language) -> str:
    """What a rule of a finding is called; one without a message keeps its name."""
    return texts(language).get(f"finding_{rule}", rule)


def shown(name: str, value: Any, language: Language) -> str:
    """A figure by its name: areas and log-losses as numbers, shares in per cent, dates, codes by their text."""
    if name in _DECIMALS:
        return figure(value, language, decimals=_DECIMALS[name])
    if name == "days":
        return number(value, language)
    if isinstance(value, float):
        return percent(value, language, decimals=1)
    if name in _DAYS:
        return iso_date(value, language)
    messages = texts(language)
    if name == "what":
        return messages[f"what_{value}".replace(" ", "_")]
    if name in _CODES:
        return messages[f"{name}_{value}"]
    if name == "kind":
        return messages[f"class_{value}"]
    return number(value, language) if isinstance(value, int) else str(value)
