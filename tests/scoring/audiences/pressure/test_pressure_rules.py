"""[pressure] of run.toml: every broken key is named, and what cannot be read stops lists."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from scoring.audiences.pressure.pressure_rules import (
    ContactLimit,
    FirstList,
    PressureError,
    PressureRules,
    read_pressure,
)


def written(home: Path, section: str) -> Path:
    """A home whose run.toml has a section."""
    (home / "run.toml").write_text(f"[pressure]\n{section}\n")
    return home


def test_limits_control_and_order_are_read(tmp_path: Path) -> None:
    """One limit as a text or several, weeks as seven days."""
    rules = read_pressure(
        written(
            tmp_path,
            'max = ["2 per 7d", "5 per 20w"]\ncontrol = 0.02\n'
            '[[pressure.first]]\nuse_case = "churn"\ntop = 300\n[[pressure.first]]\nsegment = "loyal"',
        )
    )

    assert rules.limits == (ContactLimit(2, timedelta(days=7)), ContactLimit(5, timedelta(days=140)))
    assert rules.control == 0.02
    assert read_pressure(written(tmp_path, 'max = "1 per 1w"')).limits == (ContactLimit(1, timedelta(days=7)),)
    assert rules.before("churn", None) == ()
    assert rules.before(None, "loyal") == (FirstList("churn", top=300),)
    assert rules.before("propensity", None) == rules.first


def test_without_the_file_everybody_may_be_on_lists(tmp_path: Path) -> None:
    """Any number of times."""
    assert read_pressure(tmp_path) == PressureRules()


@pytest.mark.parametrize(
    ("section", "rule"),
    [
        ('max = "twice a week"', "2 per 7d"),
        ('max = ["2 per 7d", "0 per 1d"]', "2 per 7d"),
        ('max = "2 per 99w"', "at most 365 days"),
        ("control = 1.0", "a share in"),
        ("control = true", "a share in"),
        ("pause = 3", "no key pause"),
        ('first = [{ use_case = "churn" }]', "it would take everybody"),
        ("first = [{ top = 3 }]", "needs a use_case"),
        ('first = [{ usecase = "churn" }]', "tables of use_case"),
        ('control = 2\nmax = "often"', "a share in"),
        ("max = [", "TOMLDecodeError"),
    ],
)
def test_a_broken_section_stops_lists(tmp_path: Path, section: str, rule: str) -> None:
    """By its rule; nobody may be on a list by what cannot be read."""
    with pytest.raises(PressureError, match=rule):
        read_pressure(written(tmp_path, section))
