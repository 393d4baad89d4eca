"""The findings of a training, in the reader's language where its figures allow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from features.spec.feature import Finding, Scalar
from features.spec.languages import Language
from scoring.text.messages import rule_name, shown, texts
from scoring.text.promotion import GainInterval, against_bar

msgspec.json.Decoder(GainInterval)  # looked up now: two threads that are the first to use a type crash msgspec
Figures = Mapping[str, Scalar]
_VARIANTS: Mapping[str, Callable[[Figures], str]] = {  # rules whose sentence depends on a figure
    "one_class_only": lambda figures: str(figures["where"]),
    "dated_after_cutoff": lambda figures: "tells" if figures["tells"] else "plan",
    "outweighs_all_others": lambda figures: "now" if "explained" in figures else "earlier",
    "sensitive_column": lambda figures: "accepted" if "accepted" in figures else "left_out",
    "outside_learned_range": lambda figures: "left_out" if figures.get("left_out") else "used",
}


@dataclass(frozen=True, slots=True)
class FindingText:
    """One finding: whether it is a `warn` or a `block`, what its rule is called, and its detail."""

    severity: str
    rule: str
    feature: str | None
    detail: str
    foreign: bool  # whether the detail is English for a French reader


def finding_text(finding: Finding, language: Language) -> FindingText:
    """A bundle's finding for a reader: English as it was written, French by its figures."""
    detail, foreign = finding.detail, language != "en"
    if foreign:
        with suppress(KeyError, TypeError, ValueError):  # an older version's, without figures; a rule we do not know
            detail, foreign = _detail(finding.rule, finding.figures, language), False
    return FindingText(finding.severity, rule_name(finding.rule, language), finding.feature, detail, foreign)


def _detail(rule: str, figures: Figures, language: Language) -> str:
    if rule == "baseline_not_beaten":
        gain = msgspec.convert(figures, GainInterval) if "mean" in figures else None
        return against_bar(str(figures["bar"]), gain, language)
    messages = texts(language)
    variant = f"_{_VARIANTS[rule](figures)}" if rule in _VARIANTS else ""
    text = messages[f"detail_{rule}{variant}"].format(
        **{name: shown(name, figure, language) for name, figure in figures.items()}
    )
    return f"{text} {messages['detail_accepted'].format(why=figures['accepted'])}" if "accepted" in figures else text
