"""From a registered version to the one that serves: decide, move the aliases, install."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.config.use_case import LogUseCase
from scoring.bundle.bundle import Bundle, load_bundle
from scoring.bundle.scorer import Scorer
from scoring.text.promotion import DecisionDocument, GainInterval
from training.data.encode import encode
from training.data.population import current, write_request
from training.data.split import Parts, clusters_of, labels, split
from training.evaluation.paired_gain import gain_over_rate, paired_gain
from training.promotion.champion import Champion, champion_of, served_by
from training.promotion.decision_log import note_decision
from training.promotion.gate import (
    LEAST_GAIN,
    Decision,
    against,
    decision_record,
    integrity,
    minimum,
    moves,
    uplift_decision,
)
from training.promotion.guards import bar, borne_out, calibration, seed_variance, stability
from training.promotion.same_figures import has_same_figures, has_same_scores
from training.promotion.sync import adopt, sync_one
from training.registry.lines import OutcomeLine, Settled, UntimedLine
from training.registry.mlflow_registry import DECISION, Version
from training.selection.cross_validation import is_small
from training.selection.out_of_fold import predicted_outside
from training.task import Task

Floats = NDArray[np.float64]


def decide(
    task: Task,
    challenger: Bundle,
    parts: Parts,
    champion: Champion | None,
    *,
    served: Floats | None = None,
    uplift_gain: GainInterval | None = None,
) -> Decision:
    """Whether a bundle deserves to be the champion; `always` skips comparisons, never a blocking finding.

    `served` is what it serves for the test rows, where that is known already; `uplift_gain` what picking by its uplift
    is worth more than by the champion's, where both have one.
    """
    blocked = integrity(challenger.manifest.findings or ())
    if blocked is not None:
        return blocked
    if task.mode == "never":
        return Decision(promote=False, rule="never")
    if task.mode == "always":
        return Decision(promote=True, rule="always")
    if champion is not None and has_same_figures(challenger, champion.bundle):
        return Decision(promote=True, rule="same_figures", figures={"champion_version": int(champion.number)})
    if champion is not None and has_same_scores(challenger, champion.bundle):
        return Decision(promote=True, rule="same_scores", figures={"champion_version": int(champion.number)})
    if part := challenger.manifest.uplift:
        return uplift_decision(part.evidence, uplift_gain)
    if served is None:
        scorer = Scorer(challenger)
        served = scorer.score(encode(scorer.encoder, parts.test)).probability
    if champion is not None and champion.test is not None:
        return _compared(challenger, champion, parts, served, champion.test, seed=task.seed)
    least = first_decision(task, parts, served)
    if champion is None:
        return least
    return replace(least, figures={**least.figures, "champion_unreadable": True})


def settle(task: Task, version: Version, challenger: Bundle, population: pl.DataFrame, decision: Decision) -> Settled:
    """Keeps the decision with the version and in the home, and where it is yes makes the version serve."""
    done = task.registry.champion(task.name)
    if decision.promote and (done is None or done.number != version.number):
        adopt(task.registry, task.home, version)
    release = _installed(task, version, challenger, population)
    task.registry.note(version, decision.to_json(), decision.numbers())
    note_decision(task.home, task.name, decision_record(version.number, decision))
    return {
        "version": version.number,
        "promoted": decision.promote,
        "refused": decision.refused,
        "reason": decision.reason,
        "decision": decision.figures,
        "release": release,
        "report": f"{release}/report.html" if release else None,
    }


def unchanged(task: Task, version: Version) -> UntimedLine:
    """The line of a version that was made from the very same data, configuration, code and libraries.

    Nothing is registered. A decision that is missing, because the training that made the version was ended before it,
    is taken now; so is one that was no while there is still no champion, or with `--promote always`.
    """
    with tempfile.TemporaryDirectory() as folder:
        stored = task.registry.fetch(version, Path(folder))
        bundle = load_bundle(stored.bundle)
    line: OutcomeLine = {**stored.outcome, "kind": "unchanged"}
    parts = split(task.table, seed=task.seed)
    population = current(task.use_case, task.table, parts.test)
    champion = task.registry.champion(task.name)
    is_champion = champion is not None and champion.number == version.number
    open_question = DECISION not in version.tags or champion is None or task.mode == "always"
    if open_question and not is_champion:
        settled = settle(task, version, bundle, population, decide(task, bundle, parts, champion_of(task, parts)))
        return {**line, **settled, "reason": f"Unchanged. {settled['reason']}"}
    release = _installed(task, version, bundle, population)
    same = "Unchanged: the champion was made from the same data, configuration and code."
    earlier = "Unchanged: registered already, and not promoted then."
    return {
        **line,
        "version": version.number,
        "promoted": False,
        "refused": False,
        "reason": same if is_champion else earlier,
        "decision": {},
        "release": release,
        "report": f"{release}/report.html" if release else None,
    }


def _installed(task: Task, version: Version, bundle: Bundle, population: pl.DataFrame) -> str | None:
    """Brings the release store in line; the folder of the version that is champion, and a request to try it with."""
    installed = sync_one(task.registry, task.home, task.name)
    if installed["version"] != version.number:
        return None
    write_request(task.home, Scorer(bundle), population)
    return str(installed["release"])


def first_decision(task: Task, parts: Parts, served: Floats) -> Decision:
    """What the test rows say of a model without a champion; where few outcomes are known, other rows beside them."""
    label, part = labels(parts.test), np.zeros(parts.test.height, dtype=np.int64)
    test = gain_over_rate(label, served, part, clusters_of(parts.test), seed=task.seed)
    if not is_small(parts.learning):
        return minimum(test)
    rows, outside, fold = predicted_outside(task, parts)
    every = pl.concat([frame.select("__group") for frame in (parts.test, rows)])
    joined = gain_over_rate(
        np.concatenate([label, labels(rows)]),
        np.concatenate([served, outside]),
        np.concatenate([part, fold + 1]),
        clusters_of(every),
        seed=task.seed,
    )
    use_case = task.use_case
    later = isinstance(use_case, LogUseCase) or use_case.table.order_by is not None
    return minimum(test, joined, later=later)


def _compared(
    challenger: Bundle, champion: Champion, parts: Parts, served: Floats, theirs: Floats, *, seed: int
) -> Decision:
    """The paired gain, the guards, and who would change band."""
    outcome, earlier = labels(parts.test), served_by(challenger, parts.earlier)
    clusters = clusters_of(parts.test)
    effective = (clusters_of(parts.earlier).effective, clusters.effective)
    before = None if champion.earlier is None else (champion.earlier, theirs)
    gain = paired_gain(outcome, served, theirs, clusters, seed=seed)
    least = LEAST_GAIN * gain["champion_log_loss"]
    right = calibration(outcome, served, theirs, clusters, seed=seed)
    rightly = borne_out(right)
    guards = [
        right,
        None if earlier is None else stability((earlier, served), before, borne_out=rightly, effective=effective),
        bar(challenger.manifest.over_bar or None),
        seed_variance(gain["log_loss_gain"]["mean"], least, challenger.manifest.seed_variance),
    ]
    decision = against(gain, [guard for guard in guards if guard])
    moved = moves(challenger, champion.bundle, served, theirs)
    figures: DecisionDocument = {**decision.figures, "champion_version": int(champion.number), "moves": moved}
    return replace(decision, figures=figures)
