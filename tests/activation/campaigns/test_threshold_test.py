"""Tests of thresholds: who is contacted by which cut, when a cut moves, and that it moves by proof alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from activation.campaigns.cost import Cost
from activation.campaigns.outcome_store import take_outcomes
from activation.campaigns.result import campaign_result
from activation.campaigns.threshold_move import comparisons, with_cut
from activation.campaigns.threshold_test import drawn_cut, is_contacted
from penchant.cli.forward import main
from scoring.audiences.campaign import (
    Campaign,
    CampaignList,
    CampaignPlan,
    CampaignVersions,
    ThresholdCell,
    ThresholdPlan,
    campaigns_of,
    record_campaign,
)
from scoring.audiences.campaign_arms import cells_of
from scoring.audiences.campaign_result import CampaignResult, sentence_values
from scoring.population.ranked import open_index
from scoring.privacy.audit_trail import action_of, lines_of
from scoring.privacy.suppression import mark_erased
from scoring.segments.assignment import current_policy, install_policy
from scoring.segments.policy_file import read_policy
from scoring.text.campaign_texts import campaign_sentences
from tests.support.campaigns import AFTER, LOOK
from tests.support.days import made, released, write_customers
from tests.support.models import release_shop

CUTS = (0.2, 0.3)
POLICY = """
use_cases = ["churn"]
[[segment]]
code = "call"
label = { en = "Call", fr = "Appeler" }
rule = "churn.probability >= 0.30"
[[segment]]
code = "others"
label = { en = "Others", fr = "Autres" }
rule = "TRUE"
"""


def begun(home: Path, *, count: int = 3_000, cuts: tuple[float, ...] = CUTS, least: float | None = None) -> Campaign:
    """A test of cuts among customers `c0`.. whose zones take turns."""
    cells = {
        f"c{number}": ThresholdCell(drawn_cut(f"c{number}", len(cuts), "salt"), 1 + number % len(cuts))
        for number in range(count)
    }
    treated = [who for who, cell in cells.items() if is_contacted(cell)]
    others = [who for who, cell in cells.items() if not is_contacted(cell)]
    drawn = tuple(sum(cell.cut == cut for cell in cells.values()) for cut in range(len(cuts)))
    plan = CampaignPlan(
        salt="salt",
        holdout=len(others) / count,
        list=CampaignList(use_case="churn", snapshot="2026-03-01T00:00:00Z", threshold=cuts[0]),
        versions=CampaignVersions({"churn": "1"}, "default"),
        window="30d",
        planned_look=LOOK,
        thresholds=ThresholdPlan(cuts, cuts[-1], least, drawn),
    )
    return record_campaign(home, plan, treated=treated, holdout_ids=others, cells=cells)


def looked(
    home: Path,
    campaign: Campaign,
    lift: Callable[[int], float],
    *,
    cost: float = 0.5,
    seed: int = 7,
    missing: Callable[[int], bool] = lambda _: False,
) -> CampaignResult:
    """The result where a contact adds some value, by zone."""
    drawn, rows = np.random.default_rng(seed), []
    cuts = len(campaign.thresholds.cuts) if campaign.thresholds else 0
    for number in range(sum(arm.n for arm in campaign.arms.values())):
        cell = ThresholdCell(drawn_cut(f"c{number}", cuts, "salt"), 1 + number % cuts)
        value = drawn.gamma(2.0, 2.0) + (lift(cell.zone) if is_contacted(cell) else 0.0)
        rows.append((f"c{number}", None, value > 4, value, None))
    names = ["customer_id", "contacted", "answered", "value", "unsubscribed"]
    kinds = [pl.String, pl.Boolean, pl.Boolean, pl.Float64, pl.Boolean]
    kept = [row for number, row in enumerate(rows) if not missing(number)]
    reported = pl.DataFrame(kept, dict(zip(names, kinds, strict=True)), orient="row")
    take_outcomes(home, campaign, reported, known_to=AFTER, absent="unknown", currency="EUR")
    return campaign_result(home, campaign, as_of=AFTER, cost=Cost(cost, "EUR"))


@pytest.mark.parametrize(
    ("lift", "status", "step", "sentence"),
    [
        (lambda _: 2.0, "final", "move_cut", "Move the threshold to 0.2"),
        (lambda _: 0.0, "final", "keep_cut", "Leave the threshold at 0.3: it brings more"),
        (lambda _: 0.5, "early", "more_customers", "more customers between the two would show"),
    ],
)
def test_a_cut_moves_by_value_alone_and_by_proof_alone(
    tmp_path: Path, lift: Callable[[int], float], status: str, step: str, sentence: str
) -> None:
    """A contact that brings more than it costs, one that brings nothing, and one that brings what it costs."""
    campaign = begun(tmp_path)
    found = looked(tmp_path, campaign, lift)
    said = campaign_sentences(sentence_values(campaign, found), "en")

    assert (found.status, found.next_step) == (status, step)
    assert found.threshold
    assert found.threshold.interval[0] < lift(1) - 0.5 < found.threshold.interval[1]
    assert sentence in said[-1]
    assert len(campaign_sentences(sentence_values(campaign, found), "fr")) == len(said)


def test_how_many_more_are_needed_is_by_power(tmp_path: Path) -> None:
    """For half the difference about four times as many customers, those who are known taken off."""
    wanted = {}
    for least in (0.4, 0.2):
        home = tmp_path / str(least)
        home.mkdir()
        found = looked(home, begun(home, least=least, count=600), lambda _: 0.5).threshold
        assert found
        assert found.more is not None
        wanted[least] = found.more + found.customers

    assert wanted[0.2] == pytest.approx(4 * wanted[0.4], rel=0.01)


def test_customers_of_other_zones_do_not_count(tmp_path: Path) -> None:
    """Whoever stands above both cuts is contacted by either: what becomes of them says nothing."""
    found = looked(tmp_path, begun(tmp_path), lambda zone: 9.0 if zone == 2 else 0.5)

    assert found.next_step == "more_customers"


def test_one_of_several_cuts_is_named(tmp_path: Path) -> None:
    """The one that brings the most among those that are shown to be better."""
    campaign = begun(tmp_path, cuts=(0.1, 0.2, 0.3), count=6_000)
    found = looked(tmp_path, campaign, lambda zone: {1: 0.0, 2: 3.0, 3: 3.0}[zone])

    assert found.threshold
    assert (found.next_step, found.threshold.other) == ("move_cut", 0.2)
    assert found.threshold.level == pytest.approx(0.975)


@pytest.mark.parametrize(("known", "step"), [(60, "too_few"), (0, "value_first")])
def test_without_enough_nothing_is_said_of_a_cut(tmp_path: Path, known: int, step: str) -> None:
    """Too few between the cuts; or no values at all, by which alone a cut moves."""
    campaign = begun(tmp_path)
    found = looked(tmp_path, campaign, lambda _: 2.0, missing=lambda number: number >= known)

    assert (found.status, found.next_step, found.threshold) == ("pending", step, None)
    assert all(campaign_sentences(sentence_values(campaign, found), language) for language in ("en", "fr"))


def test_a_cut_whose_customers_are_missing_moves_nothing(tmp_path: Path) -> None:
    """Lost of one cut more than of the other: nothing is concluded."""
    found = looked(
        tmp_path, begun(tmp_path), lambda _: 2.0, missing=lambda n: drawn_cut(f"c{n}", 2, "salt") == 0 and n % 3 == 0
    )

    assert (found.status, found.next_step, found.threshold) == ("invalid", "mend", None)


def test_the_erased_stay_in_the_totals_of_their_cell(tmp_path: Path) -> None:
    """The finding is the same to the last digits."""
    campaign = begun(tmp_path)
    before = looked(tmp_path, campaign, lambda _: 2.0)
    mark_erased(tmp_path, ["c3", "c4", "c5"], at=1.0)
    after = campaign_result(tmp_path, campaign, as_of=AFTER, cost=Cost(0.5, "EUR"))

    assert before.threshold
    assert after.threshold
    assert after.erased == 3
    assert after.threshold.gain == pytest.approx(before.threshold.gain)
    assert after.srm == before.srm
    assert len(cells_of(tmp_path, campaign)) == 2_997


@pytest.mark.parametrize(
    ("source", "moved", "rules"),
    [
        ("rule = 'mailing.probability >= 0.3'", "rule = 'mailing.probability >= 0.25'", 1),
        ("rule = '\"mailing\".probability>=.3'", "rule = '\"mailing\".probability>=.3'", 0),
        (
            'rule = "\\"mailing\\".probability < 0.300 OR mailing.score > 30"',
            'rule = "\\"mailing\\".probability < 0.25 OR mailing.score > 25"',
            2,
        ),
        (
            "# mailing.probability > 0.3\nrule = 'mailing.probability > 0.31'",
            "# mailing.probability > 0.3\nrule = 'mailing.probability > 0.31'",
            0,
        ),
        (
            "rule = 'b-mailing.probability > 0.3 AND mailing.percentile > 0.3'",
            "rule = 'b-mailing.probability > 0.3 AND mailing.percentile > 0.3'",
            0,
        ),
    ],
)
def test_only_comparisons_with_the_cut_in_force_move(source: str, moved: str, rules: int) -> None:
    """Quoted or not, of probability or score; comments, other use cases, other numbers stay."""
    assert with_cut(source, "mailing", 0.3, 0.25) == (moved, rules)


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        ("churn.probability >= 0.30", 1),
        ("0.3 <= churn.probability AND churn.score < 30", 2),
        ("churn.probability BETWEEN 0.3 AND 0.9", 1),
        ("NOT (churn.probability = 0.3 OR churn.probability > 0.31)", 1),
    ],
)
def test_comparisons_with_a_cut_are_counted_however_they_are_written(rule: str, count: int) -> None:
    """What the text cannot be moved by is found: then nothing is moved."""
    policy = read_policy(POLICY.replace("churn.probability >= 0.30", rule), {"churn": ()})

    assert comparisons(policy, "churn", 0.3) == count


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a day and an installed policy."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "churn", scratch=scratch, polarity="negative", seed=1)
    live = released(home, "churn")
    made(home, live, write_customers(home / "customers.parquet", absent_from="nobody"))
    features = {"churn": live["churn"].release.bundle.features}
    install_policy(home, read_policy(POLICY, features), POLICY)
    return home


def test_a_test_of_thresholds_from_the_list_to_the_moved_policy(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By commands: everybody at or above their own cut is on the list, and a move says who made it."""
    home = ["--home", str(day), "--json"]
    out = tmp_path / "list.csv"
    asked = ["threshold", "churn", "--cuts", "0.1,0.3", "--salt", "cut-1", "--window", "30d", "--output", str(out)]
    assert main(["campaign", *asked, *home]) == 0
    document = json.loads(capsys.readouterr().out)
    assert main(["campaign", "move", document["id"], "--by", "ana", *home]) == 1
    too_soon = capsys.readouterr().err
    [campaign] = campaigns_of(day)
    index = open_index(day)
    ids = index.ids(np.arange(300, dtype=np.int32))
    scores = dict(zip(ids, index.probabilities("churn")[:300].tolist(), strict=True))

    listed = set(out.read_text().split()[1:])
    assert listed == {who for who, p in scores.items() if p >= (0.1, 0.3)[drawn_cut(who, 2, "cut-1")]}
    assert document["contacted"] == len(listed)
    assert document["customers"] == sum(p >= 0.1 for p in scores.values())
    assert "got no such result" in too_soon
    everyone = [who for who, p in scores.items() if p >= 0.1]
    lines = [f"{who},1,{30 + number % 7 if who in listed else number % 7}" for number, who in enumerate(everyone)]
    (tmp_path / "o.csv").write_text("\n".join(["customer_id,answered,value", *lines]))
    assert main(["campaign", "outcomes", campaign.id, str(tmp_path / "o.csv"), "--as-of", "2027-01-01", *home]) == 0
    assert main(["campaign", "result", campaign.id, "--as-of", "2027-01-01", "--cost", "1", *home]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    before = current_policy(day)
    assert main(["campaign", "move", campaign.id, "--by", "ana", *home]) == 0
    moved = json.loads(capsys.readouterr().out)

    assert (found["next_step"], found["threshold"]["other"]) == ("move_cut", 0.1)
    assert current_policy(day).by_code["call"].text == "churn.probability >= 0.1"
    assert (moved["by"], moved["was"], moved["now"], moved["policy_before"]) == ("ana", 0.3, 0.1, before.version)
    assert json.loads((day / "segments/threshold_moves.jsonl").read_text()) == moved
    noted = [action for line in lines_of(day) if line and (action := action_of(line)) and action.what == "policy"]
    assert [(one.by.who, one.about["policy"]) for one in noted] == [("ana", moved["policy"])]
    assert main(["campaign", "move", campaign.id, "--by", "ana", *home]) == 1
    assert "got none" in capsys.readouterr().err
