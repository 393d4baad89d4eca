"""What a model was asked, of whom: the outcome and the population in words, and the cut that was planned."""

from __future__ import annotations

from collections.abc import Mapping

from features.spec.languages import Language
from scoring.bundle.manifest import Manifest
from scoring.text.formatting import event_forms, figure, number, percent, quantity


def outcome(manifest: Manifest, words: Mapping[str, str], language: Language) -> str:
    """What a high score says will happen, and whether that is good news."""
    label, windows = manifest.label, manifest.windows
    if stated := manifest.outcome_in(language):
        said = f"{stated[:1].upper()}{stated[1:].rstrip('.')}."
    elif label is None:
        return ""
    elif windows:
        said = words[f"outcome_{label.outcome}"].format(**_event(label.event or "", windows.prediction, language))
    else:
        said = words["outcome_label"].format(column=label.column, positive=label.positive)
    return f"{said} {words['news_' + manifest.polarity]}"


def population(manifest: Manifest, words: Mapping[str, str], language: Language) -> str:
    """Who is spoken of."""
    if not manifest.windows:
        return words["population_rows"]
    eligible = manifest.eligible
    if not eligible or manifest.label is None:
        return words["population_known"]
    return words["population_active"].format(**_event(manifest.label.event or "", eligible.value, language))


def _event(slug: str, days: float, language: Language) -> dict[str, str]:
    one, _, feminine = event_forms(slug, language)
    agreed = {"aucun": "aucune", "un": "une"} if feminine else {"aucun": "aucun", "un": "un"}
    return {"one": one, "days": quantity(days, "days", language), **agreed}


def planned(manifest: Manifest, words: Mapping[str, str], language: Language) -> str | None:
    """What the highest band was planned for, and what it should hold; None without a plan."""
    plan = manifest.bands.plan
    if plan is None:
        return None
    cut = plan.cut
    asked = ", ".join(f"{words['asked_' + name]} {figure(value, language)}" for name, value in plan.asked.items())
    counts = (number(cut.rows, language), number(plan.population, language))
    hits = (figure(amount, language, decimals=0) for amount in (cut.hits, cut.hits_low, cut.hits_high))
    return words["plan_text"].format(asked, percent(cut.threshold, language, decimals=2), *counts, *hits)
