"""What a training found doubtful, in the reader's language where its figures allow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from scoring.text.catalogue import rule_name, shown, texts
from scoring.text.formatting import Language
from scoring.text.promotion import against_bar

_VARIANTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {  # rules whose sentence depends on a figure
    "one_class_only": lambda told: told["where"],
    "dated_after_cutoff": lambda told: "tells" if told["tells"] else "plan",
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


def doubt(finding: Mapping[str, Any], language: Language) -> Doubt:
    """A bundle's finding for a reader: English as it was written, French by its figures."""
    detail, foreign = finding["detail"], language != "en"
    if foreign:
        with suppress(KeyError, TypeError, ValueError):  # an older version's, without figures; a rule we do not know
            detail, foreign = _said(finding["rule"], finding.get("figures", {}), language), False
    return Doubt(finding["severity"], rule_name(finding["rule"], language), finding["feature"], detail, foreign)


def _said(rule: str, told: Mapping[str, Any], language: Language) -> str:
    if rule == "baseline_not_beaten":
        return against_bar(told["bar"], told, language)
    words = texts(language)
    variant = f"_{_VARIANTS[rule](told)}" if rule in _VARIANTS else ""
    said = words[f"detail_{rule}{variant}"].format(
        **{name: shown(name, figure, language) for name, figure in told.items()}
    )
    return f"{said} {words['detail_accepted'].format(why=told['accepted'])}" if "accepted" in told else said
