"""The report of one version: a single HTML file, in French and English, that needs nothing else."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from features.spec.feature import Feature
from features.spec.languages import LANGUAGES, Language
from features.tables.learning_table import LearningTable
from scoring.bundle.manifest import Manifest
from scoring.reasons.sentences import described
from scoring.text.data_notes import note_text
from scoring.text.findings import FindingText, finding_text
from scoring.text.formatting import (
    colon,
    figure,
    iso_date,
    listed,
    number,
    percent,
    quantity,
    tiny,
    unbreakable,
)
from scoring.text.messages import texts
from scoring.text.promotion import DecisionReason, baseline_text, decision_reason
from training.bundling.build import Built
from training.diagnostics.feature_importance import CRITERIA, heaviest
from training.diagnostics.groups import LEAST, OTHERS
from training.evaluation.evidence import Evidence
from training.evaluation.metrics import Outcomes
from training.promotion.gate import Decision
from training.registry.lines import OutcomeLine
from training.report.comparisons import Comparisons
from training.report.dependence_plot import DEPENDENCE
from training.report.opens_text import opens_text
from training.report.question import outcome, planned, population
from training.report.texts import WORDS as PLAIN
from training.report.texts_campaigns import CAMPAIGNS
from training.report.texts_checks import CHECKS
from training.report.texts_value import VALUES
from training.selection.cross_validation import Choice
from training.selection.seasonality import Season
from training.selection.winner import Learned
from training.task import Task

STRONGEST = 10
PARTS = ("fit", "stop", "calibrate", "train", "test")
_BOTH: Mapping[Language, Mapping[str, str]] = {
    language: {**PLAIN[language], **CHECKS[language], **CAMPAIGNS[language], **VALUES[language]}
    for language in LANGUAGES
}
WORDS = {**_BOTH, "fr": {key: unbreakable(text) for key, text in _BOTH["fr"].items()}}
_PART = re.compile(r'(<section id="(en|fr)" lang="(?:en|fr)">)(.*?)(</section>)', re.DOTALL)
_HEADING = re.compile(r"<h2>(.*?)</h2>", re.DOTALL)
_CONTENTS: Mapping[Language, str] = {"en": "Contents", "fr": "Sommaire"}
MEDIA = {".svg": "image/svg+xml", ".png": "image/png"}


def report_html(
    task: Task,
    learned: Learned,
    built: Built,
    evidence: Evidence,
    decision: Decision,
    plots: Mapping[str, bytes],
    shown: Comparisons,
    line: OutcomeLine,
) -> bytes:
    """The report of a built bundle and of the decision about it."""
    template = _templates().get_template("report.html")
    images = {name: _inline(name, content) for name, content in plots.items()}
    page = template.render(
        manifest=built.bundle.manifest,
        evidence=evidence,
        choice=learned.choice,
        chosen={language: chosen_text(learned.choice, language) for language in LANGUAGES},
        asked=task.use_case.candidate,
        decided={language: _decided(decision, language) for language in LANGUAGES},
        weights=weights(built),
        weighed=shown.weighed,
        weighed_rows=len(built.sample[0]),
        criteria=CRITERIA,
        heaviest=heaviest(shown.weighed),
        dependence=images.pop(DEPENDENCE),
        plots=images,
        beside=shown,
        reliability=list(zip(Outcomes.of(learned.test_labels, shown.raw).tenths(), evidence.tenths, strict=True)),
        least=LEAST,
        others=OTHERS,
        seasoned={language: seasoned(shown.season, language) for language in LANGUAGES},
        limits={language: limits(built, task.table, language) for language in LANGUAGES},
        data=task.table.report,
        findings={language: findings_text(built, language) for language in LANGUAGES},
        severities={language: texts(language) for language in LANGUAGES},
        languages=LANGUAGES,
        words=WORDS,
        number=figure,
        percent=percent,
        quantity=quantity,
        tiny=tiny,
        kind=_kind,
        outcome=outcome,
        population=population,
        planned=planned,
        parts=PARTS,
        colon=colon,
        note_text=note_text,
        baseline_text=baseline_text,
        opens={language: opens_text(line["opens"], language) for language in LANGUAGES} if "opens" in line else None,
        day=iso_date,
    )
    page = page.replace("<table", '<table tabindex="0"')  # which may have to be scrolled sideways, by keys too
    return with_contents(page, _CONTENTS).encode()


def with_contents(page: str, called: Mapping[Language, str]) -> str:
    """A page with a list of contents, called so, at the head of each part.

    >>> with_contents('<section id="en" lang="en"><h2>Data</h2></section>', {"en": "Contents"})[-46:]
    '<span id="en-1"></span><h2>Data</h2></section>'
    """

    def listed(part: re.Match[str]) -> str:
        begin, language, body, end = part.groups()
        headings = _HEADING.findall(body)
        items = "".join(f'<li><a href="#{language}-{at}">{one}</a></li>' for at, one in enumerate(headings, 1))
        places = iter(range(1, len(headings) + 1))
        marked = _HEADING.sub(lambda one: f'<span id="{language}-{next(places)}"></span>{one[0]}', body)
        name = called["fr" if language == "fr" else "en"]
        return f'{begin}<nav class="contents" aria-label="{name}"><ol>{items}</ol></nav>{marked}{end}'

    return _PART.sub(listed, page)


def chosen_text(choice: Choice, language: Language) -> str:
    """What the choice costs against the best candidate, and what a blend is made of."""
    words, own = WORDS[language], choice.losses.get(choice.kind)
    if own is None:
        return ""
    loss, error = (number(own[name], language, decimals=4) for name in ("behind", "standard_error"))
    share = percent(choice.cost / (own["log_loss"] - choice.cost), language, decimals=2)
    text = words["choice_cost"].format(loss, share, error) if choice.cost else words["choice_free"]
    if not choice.blended:
        return text
    members = [f"{_kind(kind, language)} × {number(one, language, decimals=2)}" for kind, one in choice.weights.items()]
    return f"{text} {words['choice_blend'].format(listed(members, language))}"


def seasoned(season: Season, language: Language) -> str:
    """The season question's answer, with its figures."""
    words = WORDS[language]
    text = words[f"season_{season.asked}"]
    earlier, begins, at = (
        iso_date(day, language) if day else "" for day in (season.earlier, season.begins, season.judged_at)
    )
    if season.asked != "tried":
        return text.format(*(moment for moment in (earlier, begins) if moment))
    losses = (
        number(loss or 0.0, language, decimals=4) for loss in (season.taken, season.without, season.standard_error)
    )
    return f"{text.format(at, *losses)} {words['season_used' if season.used else 'season_left'].format(earlier)}"


@dataclass(frozen=True, slots=True)
class FeatureWeight:
    """A strong feature: what it is called in each language, and its name where that is another and may be said."""

    feature: Mapping[Language, str]
    name: str
    share: float  # of all absolute contributions
    direction: str  # levels, up, down or mixed


def weights(built: Built) -> list[FeatureWeight]:
    """The strongest features: their share of all absolute contributions, and which way high values push."""
    rows, contributions = built.sample
    strength = np.abs(contributions).mean(axis=0)
    ranked = np.argsort(-strength, kind="stable")[:STRONGEST]
    total = float(strength.sum()) or 1.0
    return [
        FeatureWeight(
            *_shown(built.bundle.features[position], built.bundle.manifest),
            share=float(strength[position]) / total,
            direction="levels"
            if built.bundle.features[position].type == "category"
            else _direction(rows[:, position], contributions[:, position]),
        )
        for position in ranked.tolist()
        if strength[position] > 0
    ]


def limits(built: Built, table: LearningTable, language: Language) -> list[str]:
    """What a reader must know before relying on the figures."""
    words, manifest = WORDS[language], built.bundle.manifest
    rates, metrics = manifest.base_rate, manifest.metrics
    limits = [words["limit_cause"]]
    if manifest.eligible:
        limits.append(words["limit_eligible"])
    if table.cutoffs is None and "ordered" not in {note["rule"] for note in table.report["notes"]}:
        limits.append(words["limit_undated"])
    found = {finding.rule for finding in manifest.findings or ()}
    if "base_rate_shift" in found:
        limits.append(
            words["limit_shift"].format(
                percent(rates["train"], language, decimals=1), percent(rates["test"], language, decimals=1)
            )
        )
    if "calibration" in found:
        limits.append(words["limit_ece"].format(figure(100 * metrics["ece"], language, decimals=1)))
    if "small_sample" in found:
        limits.append(words["limit_small"])
    return limits


def _decided(decision: Decision, language: Language) -> tuple[str, DecisionReason]:
    """What was decided, and why."""
    kind = "refused" if decision.refused else "promoted" if decision.promote else "kept"
    return texts(language)[f"verdict_{kind}"], decision_reason(decision.to_json(), language)


def findings_text(built: Built, language: Language) -> list[FindingText]:
    """What the training found doubtful."""
    return [finding_text(finding, language) for finding in built.bundle.manifest.findings or ()]


def _direction(values: Any, contributions: Any) -> str:
    """`up` where higher values come with higher contributions, `down` where lower, else `mixed`."""
    known = ~np.isnan(values)
    if known.sum() < 3 or values[known].std() == 0 or contributions[known].std() == 0:
        return "mixed"
    link = float(np.corrcoef(np.argsort(np.argsort(values[known])), contributions[known])[0, 1])
    return "mixed" if abs(link) < 0.3 else "up" if link > 0 else "down"


def _shown(feature: Feature, manifest: Manifest) -> tuple[Mapping[Language, str], str]:
    """What a feature is called in each language, and its name where that is another and may be said."""
    if feature.name in manifest.forbid:
        return {language: WORDS[language]["other_factors"] for language in LANGUAGES}, ""
    called = {
        language: described(feature, language, manifest.labels_of(feature.name, language)) for language in LANGUAGES
    }
    return called, "" if feature.name in called.values() else feature.name


def _kind(kind: str, language: Language) -> str:
    """What a kind of model is called."""
    return texts(language).get(kind, kind)


def _inline(name: str, content: bytes) -> str:
    return f"data:{MEDIA[Path(name).suffix]};base64,{base64.b64encode(content).decode()}"


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
