"""Whether a challenger may serve: the least that is asked of any model, and paired evidence against the champion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.spec.feature import Finding
from scoring.bundle.bundle import Bundle
from scoring.bundle.uplift_part import UpliftEvidence
from scoring.text.promotion import (
    BandMoves,
    BlockingFinding,
    DecisionDocument,
    GainInterval,
    Interval,
    UpliftDecision,
    decision_reason,
)
from training.evaluation.paired_gain import PairedGain, RateGain
from training.promotion.guards import Guard

NO_GROUPS = "no_groups"  # the finding of a segmentation that found nothing to serve
LEAST_GAIN = 0.01  # of the champion's log-loss

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a version becomes the champion, by which rule, and the figures behind it."""

    promote: bool
    rule: str  # of the gate, or by_hand, rolled_back, synced
    refused: bool = False  # integrity or a blocking finding: no flag overrides it
    figures: DecisionDocument = field(default_factory=DecisionDocument)

    @property
    def reason(self) -> str:
        """Why, in English."""
        return str(decision_reason({"rule": self.rule, **self.figures}, "en"))

    def to_json(self) -> DecisionDocument:
        """As it stands in the registry."""
        stated: DecisionDocument = {"promote": self.promote, "rule": self.rule, "reason": self.reason}
        return {**stated, "refused": self.refused, **self.figures}

    def numbers(self) -> dict[str, float]:
        """Its figures by dotted name, but for the moves between bands."""
        flat = {name: value for name, value in self.figures.items() if name not in ("moves", "group_moves")}
        return dict(_flat("decision", flat))


def decision_record(version: str, decision: Decision) -> DecisionDocument:
    """A decision as a home notes it."""
    stated: DecisionDocument = {"version": version, "rule": decision.rule, "promoted": decision.promote}
    return {**stated, "refused": decision.refused, "reason": decision.reason, **decision.figures}


def integrity(findings: Sequence[Finding]) -> Decision | None:
    """A refusal where a finding blocks; None where nothing does."""
    blocking = [finding for finding in findings if finding.severity == "block"]
    if not blocking:
        return None
    if any(finding.rule == NO_GROUPS for finding in blocking):
        return Decision(promote=False, rule="segmentation_none", refused=True)
    named: list[BlockingFinding] = [{"rule": finding.rule, "feature": finding.feature} for finding in blocking]
    return Decision(promote=False, rule="leak", refused=True, figures={"findings": named})


def minimum(test: RateGain, joined: RateGain | None = None, *, later: bool = False) -> Decision:
    """With no champion yet a model must surely beat the rows' own rate, in rank and in log-loss.

    Both are figures of `gain_over_rate`: of the test rows, and, where these alone hold too few outcomes to be sure of
    much, `joined` with further rows, each predicted by a model that has not seen it. The test rows must then only not
    speak against it; but where they are `later` than the others they must rank by themselves, since what predicted the
    outcome before need not tell it now.
    """
    all_rows = joined or test
    ranking = test if later or test["roc_auc"]["high"] < 0.5 else all_rows
    gaining = test if test["log_loss_gain"]["high"] < 0 else all_rows
    ranks, beats = ranking["roc_auc"]["low"] > 0.5, gaining["log_loss_gain"]["low"] > 0
    rule = "first_model" if ranks and beats else "below_base_rate" if ranks else "ranks_nobody"
    figures: DecisionDocument = {
        "log_loss": gaining["log_loss"],
        "base_rate_log_loss": gaining["base_rate_log_loss"],
        "log_loss_gain": gaining["log_loss_gain"],
        "roc_auc": ranking["roc_auc"],
        "rows": gaining["rows"],
        "ranked_rows": ranking["rows"],
        "outside_folds": joined is not None,
    }
    return Decision(rule == "first_model", rule, figures=figures)


def against(gain: PairedGain, guards: Sequence[Guard] = ()) -> Decision:
    """Promotes where the paired gain in log-loss is surely at least 1% of the champion's log-loss and all guards pass.

    `gain` is of `paired_gain`; the lower end of its 95% interval must reach the least gain.
    """
    old, low = gain["champion_log_loss"], gain["log_loss_gain"]["low"]
    least = LEAST_GAIN * old
    failed: list[str] = [guard.name for guard in guards if not guard.passed]
    rule = "champion_kept" if low < least else "guarded" if failed else "better"
    figures: DecisionDocument = {
        "challenger_log_loss": gain["challenger_log_loss"],
        "champion_log_loss": old,
        "log_loss_gain": gain["log_loss_gain"],
        "roc_auc_gain": gain["roc_auc_gain"],
        "rows": gain["rows"],
        "least_gain": least,
    }
    if guards:
        figures["failed"] = failed
    for guard in guards:
        figures[guard.name] = guard.figures
    return Decision(rule == "better", rule, figures=figures)


def uplift_decision(evidence: UpliftEvidence, over_champion: GainInterval | None = None) -> Decision:
    """Serves the effect of a contact only where picking by it surely beats plain response and contacting anybody.

    Both lower ends, one-sided at the evidence's level, must lie above 0, so that noise passes no oftener than that; of
    a champion that serves an effect too, `over_champion` is what picking by this one is worth more.
    """
    stated: UpliftDecision = {
        "depth": evidence.depth,
        "level": evidence.level,
        "response": _ends(evidence.beats["response"]),
        "everyone": _ends(evidence.beats["everyone"]),
    }
    if over_champion is not None:
        stated["champion"] = _ends(over_champion)
    failing = evidence.failing()
    kept = over_champion is not None and not over_champion.low > 0
    rule = f"uplift_as_{failing[0]}" if failing else "uplift_kept" if kept else "uplift_adopted"
    return Decision(rule == "uplift_adopted", rule, figures={"uplift": stated})


def _ends(gain: GainInterval) -> Interval:
    return {"mean": gain.mean, "low": gain.low, "high": gain.high}


def moves(challenger: Bundle, champion: Bundle, new: Floats, old: Floats) -> BandMoves:
    """How many of the same rows would change band: counts by old band, then by new band."""
    old_rungs, new_rungs = champion.ladder.rungs(old), challenger.ladder.rungs(new)
    table = {
        old_code: {
            new_code: int(((old_rungs == i) & (new_rungs == j)).sum())
            for j, new_code in enumerate(challenger.ladder.codes)
        }
        for i, old_code in enumerate(champion.ladder.codes)
    }
    stayed = sum(counts.get(code, 0) for code, counts in table.items())
    return {"changed": len(new) - stayed, "rows": len(new), "from_to": table}


def _flat(name: str, value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    elif isinstance(value, int | float):
        yield name, float(value)
