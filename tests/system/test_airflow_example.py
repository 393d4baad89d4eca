"""The example for Airflow, read without Airflow: its commands, options and exit codes are ours."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from penchant.cli import run
from penchant.daily.run_state import INGEST, STEP_NAMES

DAG = Path(__file__).parents[2] / "examples/airflow/penchant_day.py"


@pytest.fixture(scope="module")
def constants() -> dict[str, Any]:
    """What the file states at its top, by name."""
    found = {}
    for node in ast.parse(DAG.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            if isinstance(value, ast.Tuple) and all(isinstance(one, ast.Starred) for one in value.elts):
                found[node.targets[0].id] = [
                    each for one in value.elts if isinstance(one, ast.Starred) for each in ast.literal_eval(one.value)
                ]
            elif isinstance(value, ast.Constant | ast.Tuple):
                found[node.targets[0].id] = ast.literal_eval(value)
    return found


def test_the_tasks_are_the_steps_of_a_day_in_their_order(constants: dict[str, Any]) -> None:
    """A step that comes to the run comes to the example."""
    assert constants["STEPS"] == [INGEST, *STEP_NAMES]


def test_each_task_calls_a_command_that_there_is(constants: dict[str, Any], tmp_path: Path) -> None:
    """With options that it takes: a home without a file is the first thing that is wrong."""
    words = constants["COMMAND"].replace("{{ ds }}", "2026-03-01").replace("$PENCHANT_HOME", str(tmp_path)).split()

    assert words[:2] == ["$PENCHANT", "run"]
    assert [run.main([*words[2:], step]) for step in constants["STEPS"]] == [run.USAGE] * len(constants["STEPS"])


def test_what_people_have_to_mend_is_not_asked_for_again(constants: dict[str, Any]) -> None:
    """A failure and a stop are."""
    codes = constants["MENDED_BY_NOBODY_BUT_PEOPLE"]

    assert codes == (run.USAGE, run.BAD_DATA, run.OUT_OF_ORDER)
    assert not {run.FAILED, run.STOPPED} & set(codes)
