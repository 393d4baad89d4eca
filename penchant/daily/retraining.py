"""The rules of `[retrain] when` in HOME/run.toml: which use cases a run trains anew, by the gate as ever."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from features.config.engine.chosen_engine import engine_words
from features.config.use_case import LogUseCase, UseCase
from penchant.daily.run_file import AGE_RULE, BEHIND_RFM
from scoring.health.health_file import UseCaseHealth, read_health
from scoring.population.daily_file import age_of
from scoring.releases.promotion_log import read_decisions

REST = timedelta(days=7)  # after a decision on a use case, in which it is not trained again by a rule


def due_for_training(
    home: Path, names: Sequence[str], rules: Sequence[str], now: datetime
) -> Iterator[tuple[str, str]]:
    """The use cases that a rule asks to be trained, each with that rule, as of what monitoring last found.

    Raises:
        HealthError: The health of the home is damaged.
    """
    health = read_health(home)
    for name in names if health else ():
        found = health.use_cases.get(name) if health else None
        rule = next((one for one in rules if found and _holds(one, found)), None)
        if rule and not _is_resting(home, name, now):
            yield name, rule


def train_anew(home: Path, use_cases: Mapping[str, UseCase], rules: Sequence[str]) -> str | None:
    """Trains what is due by a process of its own; returns what came of it, None where nothing is due.

    A training that fails, or that the gate does not promote, leaves what is in service and the run as they are.

    Raises:
        HealthError: The health of the home is damaged.
    """
    notes = []
    for name, rule in due_for_training(home, list(use_cases), rules, datetime.now(UTC)):
        use_case = use_cases[name]
        command = [sys.executable, "-m", "training", str(use_case.file.resolve()), "--home", str(home), "--json"]
        command += engine_words(use_case) if isinstance(use_case, LogUseCase) else []
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        notes.append(f"{name} ({rule}): {_became(done)}")
    return "; ".join(notes) or None


def _became(done: subprocess.CompletedProcess[bytes]) -> str:
    try:
        [line] = json.loads(done.stdout)
        return "promoted" if line["promoted"] else "not promoted"
    except (ValueError, KeyError, TypeError):
        return f"exit code {done.returncode}"


def _holds(rule: str, found: UseCaseHealth) -> bool:
    if rule == BEHIND_RFM:
        return any(reason.code == BEHIND_RFM for reason in found.why)
    age = re.fullmatch(AGE_RULE, rule)
    days = found.age.days if found.age else None
    return age is not None and days is not None and timedelta(days=days) > age_of(age[1])


def _is_resting(home: Path, name: str, now: datetime) -> bool:
    """Whether something was decided of it lately."""
    decided = [datetime.fromisoformat(one["at"]) for one in read_decisions(home, name) if "at" in one]
    return bool(decided) and now - max(decided) < REST
