"""The gate's last decisions in the reader's language: what was promoted, kept back or refused, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.verdicts import judged_use_cases, verdicts
from serving.console.words import Words

FEW, SOME = 6, 8  # on the first page, on a model's


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision; `kind` is promoted, kept or refused."""

    name: str
    version: str
    at: str
    kind: str
    why: str
    foreign: bool  # whether `why` is English on a French page


def verdicts_on(home: Path, name: str, say: Words) -> list[Verdict]:
    """The last decisions on one use case, the newest first."""
    return [_told(name, told, say) for told in verdicts(home, name)[:SOME]]


def last_verdicts(home: Path, say: Words) -> list[Verdict]:
    """The last decisions on all use cases, those that were never served among them."""
    found = [(name, told) for name in judged_use_cases(home) for told in verdicts(home, name)[:FEW]]
    found.sort(key=lambda one: str(one[1]["at"]), reverse=True)
    return [_told(name, told, say) for name, told in found[:FEW]]


def _told(name: str, told: Mapping[str, Any], say: Words) -> Verdict:
    kind = "refused" if told.get("refused") else "promoted" if told.get("promoted") else "kept"
    try:
        why, foreign = " ".join(_sentences(told, say)), False
    except (KeyError, TypeError, ValueError):  # a rule or a figure we do not know
        why, foreign = told["reason"], say.language != "en"
    return Verdict(name, told["version"], told["at"], kind, why, foreign)


def _sentences(told: Mapping[str, Any], say: Words) -> Iterable[str]:
    if told.get("champion_unreadable"):
        yield say["gate_champion_unreadable"]
    yield say.of(f"gate_{told['rule']}", **_figures(told, say))
    if moves := told.get("moves"):
        yield say.of("gate_moves", changed=say.number(moves["changed"]), rows=say.number(moves["rows"]))


def _figures(told: Mapping[str, Any], say: Words) -> dict[str, str]:
    """The figures of a decision as its sentence shows them."""
    rule = told["rule"]
    if rule == "leak":
        named = [f"{say.finding(one['rule'])}{say.colon}{one['feature']}" for one in told["findings"]]
        return {"findings": say.list(named)}
    if rule in ("first_model", "below_base_rate"):
        return {"ours": say.number(told["log_loss"], 4), "base": say.number(told["base_rate_log_loss"], 4)}
    if rule in ("better", "guarded", "champion_kept"):
        gain = told["log_loss_gain"]
        interval = say.between(gain["low"], gain["high"], 4)
        guards = say.list([say[f"guard_{name}"] for name in told.get("failed", ())])
        return {
            "guards": guards,
            "gain": say.number(gain["mean"], 4),
            "interval": interval,
            "least": say.number(told["least_gain"], 4),
        }
    return {}
