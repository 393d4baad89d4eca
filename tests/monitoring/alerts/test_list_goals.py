"""What came of the goals of lists."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitoring.alerts.list_goals import list_progress
from monitoring.cli.alert_commands import alert_about
from monitoring.config.monitor_file import MONITOR_FILE, GoalSection, load_monitor_file
from scoring.audiences.campaign_result import (
    ArmResult,
    CampaignEffect,
    CampaignResult,
    CampaignStatus,
    Incremental,
    keep_result,
)
from scoring.health.health_file import HealthDocument
from scoring.text.health_reasons import health_text
from tests.support.campaigns import AFTER, planned

BY = date(2026, 6, 30)


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with a campaign, and its id."""
    home = tmp_path_factory.mktemp("home")
    return home, planned(home).id


def result(campaign: str, status: CampaignStatus = "final", level: float = 0.95) -> CampaignResult:
    """Of 900 drawn to be contacted 800 were, and 90 answered, for 450 EUR; worth 400 EUR to 800 EUR beyond."""
    return CampaignResult(
        id=campaign,
        as_of=AFTER,
        status=status,
        next_step="go_on",
        arms={"treated": ArmResult(900, 90, 3600.0, 900, 800), "held_out": ArmResult(300, 15, 600.0, 300)},
        effect=CampaignEffect(rate=0.05, interval=(0.02, 0.08), kind="fixed", planned=True, level=level),
        incremental=Incremental(
            answers=45, answers_interval=(18, 72), value=600, value_interval=(400, 800), cost=450, currency="EUR"
        ),
    )


def goal(campaign: str, kpi: str, target: float) -> GoalSection:
    """As the file has it."""
    return GoalSection.model_validate({"campaign": campaign, "kpi": kpi, "target": target, "by": BY})


@pytest.mark.parametrize(
    ("kpi", "realised", "reached", "unsure", "behind"),
    [
        ("conversion", 90 / 900, 0.05, 0.1, 0.2),
        ("open_rate", 90 / 800, 0.05, 0.11, 0.2),
        ("engagement", 90 / 800, 0.05, 0.11, 0.2),
        ("value", 600, 399, 600, 801),
        ("cost_per_acquisition", 5, 8, 5, 3),
    ],
)
def test_a_final_list_is_on_a_side_of_its_goal_with_certainty(
    listed: tuple[Path, str], kpi: str, realised: float, reached: float, unsure: float, behind: float
) -> None:
    """Behind only once the goal's end has passed; of a cost less is better."""
    home, campaign = listed
    keep_result(home, result(campaign))
    goals = [goal(campaign, kpi, target) for target in (reached, unsure, behind)]

    found = list(list_progress(home, goals, date(2026, 7, 1)))

    assert [one.state for one in found] == ["reached", "unsure", "behind"]
    assert [one.state for one in list_progress(home, goals, BY)] == ["reached", "unsure", "unsure"]
    assert found[0].realised == pytest.approx(realised)
    assert found[0].interval is not None
    assert found[0].interval[0] < realised < found[0].interval[1]
    assert found[0].currency == ("EUR" if realised >= 1 else None)


@pytest.mark.parametrize(
    ("status", "state"),
    [("pending", "pending"), ("early", "pending"), ("invalid", "unmeasured"), (None, "pending")],
)
def test_a_goal_waits_for_the_final_result(tmp_path: Path, status: CampaignStatus | None, state: str) -> None:
    """What is shown early may not be what comes; arms that cannot be compared tell nothing."""
    campaign = planned(tmp_path, treated=9, held_out=3).id
    if status:
        keep_result(tmp_path, result(campaign, status))

    [found] = list_progress(tmp_path, [goal(campaign, "conversion", 0.9)], date(2027, 1, 1))

    assert (found.state, found.realised) == (state, None)


def test_what_was_not_reported_is_not_measured(listed: tuple[Path, str]) -> None:
    """No cost, no value, cuts of a score in place of arms, or no such list; a lower level is no certainty."""
    home, campaign = listed
    whole = result(campaign)
    assert whole.incremental
    bare = replace(whole, incremental=replace(whole.incremental, cost=None, value=None))
    more_answers = replace(whole, arms={"treated": ArmResult(900, 90, None, 900, 50)})
    asked = [("cost_per_acquisition", bare), ("value", bare), ("value", replace(whole, arms={})),
             ("open_rate", more_answers), ("value", result(campaign, level=0.8))]  # fmt: skip
    states = []
    for kpi, kept in asked:
        keep_result(home, kept)
        states += [one.state for one in list_progress(home, [goal(campaign, kpi, 0.9)], date(2027, 1, 1))]
    [unknown] = list_progress(home, [goal("0" * 12, "value", 9)], BY)

    assert states == ["unmeasured"] * 4 + ["unsure"]
    assert unknown.state == "unmeasured"


def test_a_list_that_is_certainly_behind_alerts(listed: tuple[Path, str]) -> None:
    """With each figure as it is read, once for each goal; the document has them all."""
    home, campaign = listed
    keep_result(home, result(campaign))
    wanted = [("value", 900), ("conversion", 0.2), ("conversion", 0.05)]
    lines = [f'[[goal]]\ncampaign = "{campaign}"\nkpi = "{kpi}"\ntarget = {target}\nby = {BY}\n'
             for kpi, target in wanted]  # fmt: skip
    (home / MONITOR_FILE).write_text("".join(lines))
    assert len(load_monitor_file(home).goal) == 3

    document, code = alert_about(home, HealthDocument(as_of="2026-07-01T00:00:00+00:00", use_cases={}), AFTER)

    texts = {alert.subject: health_text(alert.what.code, alert.what.values, "en") for alert in document.alerts}
    assert code == 7
    assert [one.state for one in document.goals if one.campaign] == ["behind", "behind", "reached"]
    assert texts == {
        f"{campaign} value": f"The list {campaign} is certainly behind its goal: value 600\xa0EUR, between 400\xa0EUR "
        "and 800\xa0EUR, where 900\xa0EUR was wanted by 30 June 2026.",
        f"{campaign} conversion": f"The list {campaign} is certainly behind its goal: conversion 10.0%, between 8.2% "
        "and 12.1%, where 20.0% was wanted by 30 June 2026.",
    }


def test_a_rate_above_one_is_no_goal() -> None:
    """An amount may be."""
    with pytest.raises(ValueError, match="at most 1"):
        goal("0" * 12, "open_rate", 1.5)
    assert goal("0" * 12, "value", 1.5).target == 1.5
