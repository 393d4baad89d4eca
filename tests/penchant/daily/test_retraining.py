"""Rules by which a run trains anew."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from features.errors import UseCaseError
from penchant.daily.retraining import due_for_training
from penchant.daily.run_file import load_run_file
from penchant.daily.run_state import STEP_NAMES
from scoring.health.health_file import HealthDocument, HealthReason, ModelAge, UseCaseHealth, write_health
from scoring.releases.current_pointer import current_version
from scoring.releases.promotion_log import log_decision, read_decisions
from tests.penchant.daily.test_run import DAY, ran
from tests.support import forks

RULES = ("age > 90d", "behind_rfm")
NOW = datetime.now(UTC)


def found(days: int | None, *codes: str) -> UseCaseHealth:
    """A use case with a model of some age, and reasons."""
    why = tuple(HealthReason(code, {}, "watch") for code in codes)
    return UseCaseHealth(state="watch", why=why, age=ModelAge(version="1", trained_to=None, days=days))


def test_a_rule_asks_for_what_it_is_about(tmp_path: Path) -> None:
    """An age above the limit, or the RFM logit ahead; nothing before monitoring has looked."""
    assert list(due_for_training(tmp_path, ["old"], RULES, NOW)) == []
    health = {"old": found(91), "young": found(90), "behind": found(1, "drift", "behind_rfm"), "table": found(None)}
    write_health(tmp_path, HealthDocument(as_of="2026-03-01", use_cases=health))

    assert dict(due_for_training(tmp_path, [*health, "other"], RULES, NOW)) == {
        "old": "age > 90d",
        "behind": "behind_rfm",
    }
    assert list(due_for_training(tmp_path, list(health), (), NOW)) == []


def test_what_was_decided_lately_rests(tmp_path: Path) -> None:
    """Else a model that the gate refuses would be trained every day."""
    write_health(tmp_path, HealthDocument(as_of="2026-03-01", use_cases={"old": found(200)}))
    decision: Any = {"version": "2", "rule": "gain", "promoted": False, "refused": False, "reason": "no better"}
    log_decision(tmp_path, "old", decision)

    assert list(due_for_training(tmp_path, ["old"], RULES, NOW + timedelta(days=1))) == []
    assert list(due_for_training(tmp_path, ["old"], RULES, NOW + timedelta(days=8))) == [("old", "age > 90d")]


@pytest.mark.parametrize("rule", ["age > soon", "ahead_of_rfm", "age>90d"])
def test_a_rule_that_is_none_is_refused(world: Path, rule: str) -> None:
    """With what may stand there."""
    file = world / "home/run.toml"
    file.write_text(f'{file.read_text(encoding="utf-8")}\n[retrain]\nwhen = ["{rule}"]\n', encoding="utf-8")

    with pytest.raises(UseCaseError) as refused:
        load_run_file(world / "home")

    assert 'must be "behind_rfm" or an age such as "age > 90d"' in str(refused.value)


def test_a_run_trains_by_the_command_and_goes_on_whatever_comes_of_it(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step: each use case that is due by a training of its own, and a note of what became of it."""
    file, asked = world / "home/run.toml", list[str]()
    file.write_text(f'{file.read_text(encoding="utf-8")}\n[retrain]\nwhen = ["age > 90d"]\n', encoding="utf-8")

    def refused(command: list[str], **_options: object) -> subprocess.CompletedProcess[bytes]:
        asked.extend(command)
        return subprocess.CompletedProcess(command, 4, b"")

    started = SimpleNamespace(run=refused, PIPE=subprocess.PIPE)
    monkeypatch.setattr("penchant.daily.retraining.subprocess", started)
    document = ran(world / "home", capsys, "--as-of", DAY)

    last = document["steps"][-1]
    assert [step["name"] for step in document["steps"]] == list(STEP_NAMES)
    assert (document["status"], last["name"], last["note"]) == ("done", "retrain", "case (age > 90d): exit code 4")
    assert asked[1:3] == ["-m", "training"]


def test_a_model_too_old_is_trained_by_the_run_and_decided_on_by_the_gate(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training as it is, by the rule of the file; what was decided then rests."""
    home, file = world / "home", world / "case.toml"
    file.write_text(f'candidate = "rfm_logit"\n{file.read_text(encoding="utf-8")}', encoding="utf-8")
    rules = (home / "run.toml").read_text(encoding="utf-8")
    (home / "run.toml").write_text(f'{rules}\n[retrain]\nwhen = ["age > 90d"]\n', encoding="utf-8")
    started = SimpleNamespace(run=forks.run_as_told, PIPE=subprocess.PIPE)
    monkeypatch.setattr("penchant.daily.retraining.subprocess", started)

    document = ran(home, capsys, "--as-of", DAY)

    note = document["steps"][-1]["note"]
    promoted = {"case (age > 90d): promoted": True, "case (age > 90d): not promoted": False}[note]
    [decision] = read_decisions(home, "case")
    assert decision["promoted"] == promoted
    assert (current_version(home, "case") != "1") == promoted
    assert list(due_for_training(home, ["case"], RULES, datetime.now(UTC))) == []
