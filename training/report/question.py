"""What a model was asked, of whom: the outcome and the population in words, and the cut that was planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.spec.languages import Language
from scoring.text.formatting import event_forms, figure, number, percent, quantity

Manifest = Mapping[str, Any]


def outcome(manifest: Manifest, words: Mapping[str, str], language: Language) -> str:
    """What a high score says will happen, and whether that is good news."""
    label, windows = manifest["label"], manifest["windows"]
    if windows:
        said = words[f"outcome_{label['outcome']}"].format(**_event(label["event"], windows["prediction"], language))
    else:
        said = words["outcome_label"].format(**label)
    return f"{said} {words['news_' + manifest['polarity']]}"


def population(manifest: Manifest, words: Mapping[str, str], language: Language) -> str:
    """Who is spoken of."""
    if not manifest["windows"]:
        return words["population_rows"]
    eligible = manifest["eligible"]
    if not eligible:
        return words["population_known"]
    return words["population_active"].format(**_event(manifest["label"]["event"], eligible["value"], language))


def _event(slug: str, days: float, language: Language) -> dict[str, str]:
    one, _, feminine = event_forms(slug, language)
    agreed = {"aucun": "aucune", "un": "une"} if feminine else {"aucun": "aucun", "un": "un"}
    return {"one": one, "days": quantity(days, "days", language), **agreed}


def planned(manifest: Manifest, words: Mapping[str, str], language: Language) -> str | None:
    """What the highest band was planned for, and what it should hold; None without a plan."""
    plan = manifest["bands"]["plan"]
    if plan is None:
        return None
    cut = plan["cut"]
    asked = ", ".join(f"{words['asked_' + name]} {figure(value, language)}" for name, value in plan["asked"].items())
    counts = (number(cut["rows"], language), number(plan["population"], language))
    hits = (figure(cut[name], language, decimals=0) for name in ("hits", "hits_low", "hits_high"))
    return words["plan_text"].format(asked, percent(cut["threshold"], language, decimals=2), *counts, *hits)
