"""What a policy wants of its segments."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from scoring.segments.assignment import current_policy, install_policy
from scoring.segments.goals import Goal
from scoring.segments.policy_file import PolicyError, read_policy
from tests.scoring.segments.test_assignment import GOOD, USE_CASES


def wanting(goal: str) -> str:
    """A policy whose segment `rest` has a goal."""
    return GOOD.replace('code = "rest"', f'code = "rest"\ngoal = {goal}')


def test_a_goal_survives_its_installation(tmp_path: Path) -> None:
    """Of the segment that has one alone; without one a policy is what it was."""
    text = wanting('{ kpi = "churn", target = 0.2, by = 2027-01-01, use_case = "churn" }')
    policy = read_policy(text, USE_CASES)
    version = install_policy(tmp_path, policy, text)
    stored = json.loads((tmp_path / "segments" / version / "policy.json").read_bytes())["segments"]

    assert current_policy(tmp_path).segments == policy.segments
    assert policy.by_code["rest"].guidance.goal == Goal("churn", 0.2, date(2027, 1, 1), "churn")
    assert [segment["code"] for segment in stored if "goal" in segment] == ["rest"]
    assert all("goal" not in one for one in read_policy(GOOD, USE_CASES).to_json()["segments"])


@pytest.mark.parametrize(
    ("goal", "rules"),
    [
        ('{ kpi = "likes", target = -1, by = "soon", use_case = "x", more = 1 }', 5),
        ('{ kpi = "conversion", target = 1.5, by = 2027-01-01 }', 1),
        ('{ kpi = "orders", target = true, by = 2027-01-01 }', 1),
        ("{}", 3),
        ('"high"', 1),
    ],
    ids=["all of it", "a rate above 1", "no number", "empty", "no table"],
)
def test_every_broken_rule_of_a_goal_is_named_at_its_line(goal: str, rules: int) -> None:
    """All at once."""
    with pytest.raises(PolicyError) as refused:
        read_policy(wanting(goal), USE_CASES)

    line = wanting(goal).splitlines().index(f"goal = {goal}") + 1
    assert len(refused.value.faults) == rules
    assert all(fault.startswith(f"line {line}: ") for fault in refused.value.faults)
