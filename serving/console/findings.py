"""What a training found doubtful, in the reader's language where its figures allow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from serving.console.words import Words

_VARIANTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {  # rules whose sentence depends on a figure
    "one_class_only": lambda told: told["where"],
    "dated_after_cutoff": lambda told: "tells" if told["tells"] else "plan",
    "baseline_not_beaten": lambda told: "bar" if "mean" in told else "none",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """One finding: what its rule is called, and its detail."""

    severity: str
    rule: str
    feature: str | None
    detail: str
    foreign: bool  # whether the detail is English on a French page


def doubts(manifest: Mapping[str, Any], say: Words) -> list[Doubt] | None:
    """The findings a bundle carries; None for a version that carries none of its own."""
    if "findings" not in manifest:
        return None
    return [_doubt(finding, say) for finding in manifest["findings"]]


def _doubt(finding: Mapping[str, Any], say: Words) -> Doubt:
    detail, foreign = finding["detail"], say.language != "en"
    if foreign:
        with suppress(KeyError, TypeError, ValueError):  # an older version's, without figures; a rule we do not know
            detail, foreign = _said(finding["rule"], finding.get("figures", {}), say), False
    return Doubt(finding["severity"], say.finding(finding["rule"]), finding["feature"], detail, foreign)


def _said(rule: str, told: Mapping[str, Any], say: Words) -> str:
    variant = f"_{_VARIANTS[rule](told)}" if rule in _VARIANTS else ""
    said = say.of(f"detail_{rule}{variant}", **{name: _shown(name, figure, say) for name, figure in told.items()})
    return f"{said} {say.of('detail_accepted', why=told['accepted'])}" if "accepted" in told else said


def _shown(name: str, figure: Any, say: Words) -> str:
    """A figure by its name: areas and log-losses as numbers, shares in per cent, words by their text."""
    if name in ("auc", "error"):
        return say.number(figure, 3)
    if name in ("mean", "low", "high"):
        return say.number(figure, 4)
    if isinstance(figure, float):
        return say.percent(figure)
    if name in ("cutoff", "start"):
        return say.date(figure)
    if name == "what":
        return say[f"what_{figure}".replace(" ", "_")]
    if name == "kind":
        return say[f"class_{figure}"]
    return say.named(figure) if name == "bar" else say.number(figure) if isinstance(figure, int) else str(figure)
