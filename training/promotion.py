"""From a registered version to the one that serves: decide, move the aliases, install."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.types import Finding
from scoring.bundle import Bundle, load_bundle
from scoring.errors import BundleError
from scoring.scorer import Scorer
from scoring.verdicts import note_verdict
from training.encode import encode
from training.gate import Decision, against, champion_probability, integrity, minimum, moves, verdict_on
from training.population import current, write_request
from training.registry import DECISION, Registry, Version
from training.split import Parts, labels, split
from training.sync import adopt, sync_one
from training.task import Task

Floats = NDArray[np.float64]


def decide(task: Task, challenger: Bundle, parts: Parts) -> Decision:
    """Whether a bundle deserves to be the champion; `always` skips comparisons, never a blocking finding."""
    blocked = integrity([Finding(**finding) for finding in challenger.manifest["findings"]])
    if blocked is not None:
        return blocked
    if task.mode == "never":
        return Decision(promote=False, rule="never", reason="not promoted: asked never to")
    if task.mode == "always":
        return Decision(promote=True, rule="always", reason="promoted: asked always to")
    scorer = Scorer(challenger)
    served, outcome = scorer.score(encode(scorer.encoder, parts.test)).probability, labels(parts.test)
    champion = task.registry.champion(task.name)
    rival = _loaded(task.registry, champion) if champion else None
    if rival is None:
        return minimum(outcome, served, challenger.manifest["base_rate"]["train"])
    return _compared(challenger, rival, parts, served, outcome, seed=task.seed)


def settle(
    task: Task, version: Version, challenger: Bundle, population: pl.DataFrame, decision: Decision
) -> dict[str, Any]:
    """Keeps the decision with the version and in the home, and where it is yes makes the version serve."""
    done = task.registry.champion(task.name)
    if decision.promote and (done is None or done.number != version.number):
        adopt(task.registry, task.home, version)
    release = _installed(task, version, challenger, population)
    task.registry.note(version, decision.to_json())
    note_verdict(task.home, task.name, verdict_on(version.number, decision))
    return {
        "version": version.number,
        "promoted": decision.promote,
        "refused": decision.refused,
        "reason": decision.reason,
        "decision": decision.figures,
        "release": release,
        "report": f"{release}/report.html" if release else None,
    }


def unchanged(task: Task, version: Version) -> dict[str, Any]:
    """The line of a version that was made from the very same data, configuration, code and libraries.

    Nothing is registered. A decision that is missing, because the training that made the version was ended before it,
    is taken now; so is one that was no while there is still no champion, or with `--promote always`.
    """
    with tempfile.TemporaryDirectory() as folder:
        stored = task.registry.fetch(version, Path(folder))
        bundle = load_bundle(stored.bundle)
    line = {**stored.outcome, "kind": "unchanged"}
    parts = split(task.table, seed=task.seed)
    population = current(task.use_case, task.table, parts.test)
    champion = task.registry.champion(task.name)
    is_champion = champion is not None and champion.number == version.number
    open_question = DECISION not in version.tags or champion is None or task.mode == "always"
    if open_question and not is_champion:
        settled = settle(task, version, bundle, population, decide(task, bundle, parts))
        return {**line, **settled, "reason": f"unchanged; {settled['reason']}"}
    release = _installed(task, version, bundle, population)
    told = "unchanged: the champion was made from the same data, configuration and code"
    kept = "unchanged: registered already, and not promoted then"
    return {
        **line,
        "version": version.number,
        "promoted": False,
        "refused": False,
        "reason": told if is_champion else kept,
        "decision": {},
        "release": release,
        "report": f"{release}/report.html" if release else None,
    }


def _installed(task: Task, version: Version, bundle: Bundle, population: pl.DataFrame) -> str | None:
    """Brings the shelf in line; the version's release folder where it is the champion, and a request to try it with."""
    installed = sync_one(task.registry, task.home, task.name)
    if installed["version"] != version.number:
        return None
    write_request(task.home, Scorer(bundle), population)
    return str(installed["release"])


def _compared(
    challenger: Bundle, rival: Bundle, parts: Parts, served: Floats, outcome: Floats, *, seed: int
) -> Decision:
    theirs = champion_probability(rival, parts.test)
    if theirs is None:
        least = minimum(outcome, served, challenger.manifest["base_rate"]["train"])
        reason = f"the champion cannot score today's rows; {least.reason}"
        return Decision(least.promote, least.rule, reason, figures={**least.figures, "champion_unreadable": True})
    decision = against(outcome, served, theirs, seed=seed)
    preview = {"moves": moves(challenger, rival, served, theirs)}
    return replace(decision, figures={**decision.figures, **preview})


def _loaded(registry: Registry, champion: Version) -> Bundle | None:
    """The champion's bundle; None where the registry's copy is damaged."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return load_bundle(registry.fetch(champion, Path(folder)).bundle)
        except BundleError:
            return None
