"""What a training found doubtful, in the reader's language where its figures allow it; texts in `findings.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scoring.wording import MINUS, Language, iso_date, number, percent

_VARIANTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {  # rules whose sentence depends on a figure
    "one_class_only": lambda told: told["where"],
    "dated_after_cutoff": lambda told: "tells" if told["tells"] else "plan",
    "baseline_not_beaten": lambda told: "bar" if "mean" in told else "none",
    "outside_learned_range": lambda told: "left_out" if told.get("left_out") else "used",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """One finding: whether it is a `warn` or a `block`, what its rule is called, and its detail."""

    severity: str
    rule: str
    feature: str | None
    detail: str
    foreign: bool  # whether the detail is English for a French reader


@cache
def texts(language: Language) -> Mapping[str, str]:
    """Every text of `findings.toml` by its key; the tables there are for the reader only."""
    tables = tomllib.loads((Path(__file__).parent / "findings.toml").read_text(encoding="utf-8"))
    return {key: forms[language] for table in tables.values() for key, forms in table.items()}


def rule_name(rule: str, language: Language) -> str:
    """What a rule is called; one that has no words keeps its name."""
    return texts(language).get(f"finding_{rule}", rule)


def doubt(finding: Mapping[str, Any], language: Language) -> Doubt:
    """A bundle's finding for a reader: English as it was written, French by its figures."""
    detail, foreign = finding["detail"], language != "en"
    if foreign:
        with suppress(KeyError, TypeError, ValueError):  # an older version's, without figures; a rule we do not know
            detail, foreign = _said(finding["rule"], finding.get("figures", {}), language), False
    return Doubt(finding["severity"], rule_name(finding["rule"], language), finding["feature"], detail, foreign)


def _said(rule: str, told: Mapping[str, Any], language: Language) -> str:
    words = texts(language)
    variant = f"_{_VARIANTS[rule](told)}" if rule in _VARIANTS else ""
    shown = {name: _shown(name, figure, language) for name, figure in told.items()}
    said = words[f"detail_{rule}{variant}"].format(**shown)
    return f"{said} {words['detail_accepted'].format(why=told['accepted'])}" if "accepted" in told else said


def _shown(name: str, figure: Any, language: Language) -> str:
    """A figure by its name: areas and log-losses as numbers, shares in per cent, words by their text."""
    if name in ("auc", "error"):
        return number(figure, language, decimals=3)
    if name in ("mean", "low", "high"):
        return number(figure, language, decimals=4).replace("-", MINUS)
    if isinstance(figure, float):
        return percent(figure, language, decimals=1)
    if name in ("cutoff", "start"):
        return iso_date(figure, language)
    words = texts(language)
    if name == "what":
        return words[f"what_{figure}".replace(" ", "_")]
    if name == "kind":
        return words[f"class_{figure}"]
    if name == "bar":
        return words.get(figure, figure)
    return number(figure, language) if isinstance(figure, int) else str(figure)
