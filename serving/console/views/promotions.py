"""What a training found and what the gate decided, in the reader's language: promoted, kept or refused, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scoring.answers.served_release import Live
from scoring.bundle.manifest import Manifest
from scoring.encoding.value_rules import WARNINGS
from scoring.releases.promotion_log import decided_use_cases, read_decisions
from scoring.text.findings import FindingText, finding_text
from scoring.text.promotion import DecisionDocument, decision_reason
from serving.console.views.named_features import named_features
from serving.console.web.i18n import Texts

FEW, SOME = 6, 8  # on the first page, on a model's


@dataclass(frozen=True, slots=True)
class PromotionDecision:
    """One decision; `kind` is promoted, kept or refused."""

    name: str
    version: str
    at: str
    kind: str
    why: str
    foreign: bool  # whether `why` is English on a French page


def findings(manifest: Manifest, texts: Texts) -> list[FindingText] | None:
    """The findings a bundle carries; None for a version that carries none of its own."""
    if manifest.findings is None:
        return None
    return [finding_text(finding, texts.language) for finding in manifest.findings]


@dataclass(frozen=True, slots=True)
class SharedWarning:
    """A warning that nearly all customers would get."""

    name: str  # of the feature, as people read it
    text: str
    share: float


def shared_warnings(live: Live, texts: Texts) -> list[SharedWarning]:
    """The warnings that a model gives of nearly all customers; a feature that may not be named is another factor."""
    manifest = live.release.bundle.manifest
    names = {name: feature.name for name, feature in named_features({manifest.name: live}, texts).items()}
    return [
        SharedWarning(
            names.get(one.feature, texts["family_other_factors"]),
            WARNINGS[one.code] if texts.language == "en" else texts.note(one.code) or WARNINGS[one.code],
            one.share,
        )
        for one in manifest.usual_warnings or ()
    ]


def decisions_on(home: Path, name: str, texts: Texts) -> list[PromotionDecision]:
    """The last decisions on one use case, the newest first."""
    return [_decision(name, entry, texts) for entry in read_decisions(home, name)[:SOME]]


def latest_decisions(home: Path, texts: Texts) -> list[PromotionDecision]:
    """The last decisions on all use cases, those that were never served among them."""
    found = [(name, entry) for name in decided_use_cases(home) for entry in read_decisions(home, name)[:FEW]]
    found.sort(key=lambda one: str(one[1]["at"]), reverse=True)
    return [_decision(name, entry, texts) for name, entry in found[:FEW]]


def _decision(name: str, entry: DecisionDocument, texts: Texts) -> PromotionDecision:
    kind = "refused" if entry.get("refused") else "promoted" if entry.get("promoted") else "kept"
    why = decision_reason(entry, texts.language)
    return PromotionDecision(name, entry["version"], entry["at"], kind, why.why, why.foreign)
