"""Results: four kinds, each with its next step; everybody counts in the arm drawn; the erased leave totals at most."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activation.campaigns.cost import Cost
from activation.campaigns.outcome_file import read_outcome_file
from activation.campaigns.outcome_record import Absent
from activation.campaigns.outcome_store import Taken, take_outcomes
from activation.campaigns.result import campaign_result
from features.spec.suppression_list import keyed, read_key
from scoring.audiences.campaign import CAMPAIGNS, Campaign, CampaignError, assigned
from scoring.audiences.campaign_result import CampaignResult, sentence_values
from scoring.privacy.suppression import mark_erased
from scoring.text.campaign_texts import campaign_sentences
from tests.support.campaigns import AFTER, answers, ids, planned

EARLY = datetime(2026, 4, 1, tzinfo=UTC)
EVERYBODY = [*ids("t", 900), *ids("h", 300)]


def lifted(customer: str) -> float:
    """The planted rates: 20% of the treated, 8% of the held out."""
    return 0.2 if customer[0] == "t" else 0.08


def taken(home: Path, campaign: Campaign, file: Path, at: datetime = AFTER, *, absent: Absent = "unknown") -> Taken:
    """A report taken in."""
    return take_outcomes(home, campaign, read_outcome_file(file).rows, known_to=at, absent=absent, currency="EUR")


def sentences(campaign: Campaign, found: CampaignResult) -> list[str]:
    """What is said of it in English."""
    return campaign_sentences(sentence_values(campaign, found), "en")


def looked(
    home: Path, rate: Callable[[str], float], at: datetime = AFTER, customers: list[str] = EVERYBODY, cost: float = 1.0
) -> tuple[Campaign, CampaignResult]:
    """The result of a campaign with planted rates."""
    campaign = planned(home)
    taken(home, campaign, answers(home / "outcomes.csv", customers, rate), at)
    return campaign, campaign_result(home, campaign, as_of=at, cost=Cost(cost, "EUR"))


@pytest.mark.parametrize(
    ("rate", "at", "customers", "cost", "status", "step", "sentence"),
    [
        (lifted, AFTER, EVERYBODY, 1.0, "final", "go_on", "contact such customers again"),
        (lifted, AFTER, EVERYBODY, 50.0, "final", "costs_more", "less than it costs"),
        (lambda _: 0.1, AFTER, EVERYBODY, 0.0, "final", "not_shown", "repeat it with about 4,800 customers"),
        (lambda one: 0.28 - lifted(one), AFTER, EVERYBODY, 0.0, "final", "stop", "fewer answered"),
        (lifted, EARLY, EVERYBODY, 1.0, "early", "look_then", "Wait until 1 June 2026"),
        (lifted, AFTER, [*ids("t", 900), *ids("h", 200)], 1.0, "invalid", "mend", "0 treated and 100 held out"),
    ],
)
def test_each_result_says_what_to_do_next(
    tmp_path: Path,
    rate: Callable[[str], float],
    at: datetime,
    customers: list[str],
    cost: float,
    status: str,
    step: str,
    sentence: str,
) -> None:
    """Gain, gain that costs more, nothing shown, harm, too early, invalid: in the last sentence, in both languages."""
    campaign, found = looked(tmp_path, rate, at, customers, cost)
    said = campaign_sentences(sentence_values(campaign, found), "en")

    assert (found.status, found.next_step) == (status, step)
    assert sentence in said[-1]
    assert len(campaign_sentences(sentence_values(campaign, found), "fr")) == len(said)
    assert (found.effect is None) == (status == "invalid")


def test_a_gain_is_within_what_was_planted(tmp_path: Path) -> None:
    """Answers and money of 900 treated, in the interval and in the sentence."""
    campaign, found = looked(tmp_path, lifted)
    brought, effect = found.incremental, found.effect
    said = campaign_sentences(sentence_values(campaign, found), "en")[0]

    assert brought
    assert brought.value_interval
    assert effect
    assert (effect.kind, effect.planned) == ("fixed", True)
    assert effect.interval[0] < 0.12 < effect.interval[1]
    assert brought.answers_interval[0] < 0.12 * 900 < brought.answers_interval[1]
    assert brought.value_interval[0] < 0.12 * 900 * 40 < brought.value_interval[1]
    assert brought.per_contact_interval
    assert brought.per_contact_interval[0] < 0.12 * 40 < brought.per_contact_interval[1]
    assert brought.cost == 900
    assert brought.net == pytest.approx((brought.value or 0) - 900)
    assert re.fullmatch(r"900 contacted, \d+ more orders than without, between \d+ and \d+\.", said)


def test_before_the_planned_look_there_is_a_sequence_alone(tmp_path: Path) -> None:
    """It is wider than the fixed interval, which is shown as not to be relied on."""
    _, found = looked(tmp_path, lifted, EARLY)
    effect = found.effect

    assert effect
    assert effect.unplanned
    assert (effect.kind, effect.planned) == ("sequence", False)
    assert effect.interval[0] < effect.unplanned[0] < effect.unplanned[1] < effect.interval[1]
    assert found.segments == ()
    assert found.precision is None


def test_without_a_planned_look_it_stays_early(tmp_path: Path) -> None:
    """Nothing that was not planned becomes final."""
    campaign = planned(tmp_path, window=None)
    taken(tmp_path, campaign, answers(tmp_path / "outcomes.csv", EVERYBODY, lifted))

    assert campaign_result(tmp_path, campaign, as_of=AFTER).status == "early"


def test_nobody_counts_in_another_arm_than_was_drawn(tmp_path: Path) -> None:
    """Treated who were not contacted stay treated, held out who were stay so; strangers are counted, not taken."""
    campaign = planned(tmp_path, treated=40, held_out=40)
    lines = [f"t{n},0,1" for n in range(40)] + [f"h{n},1,0" for n in range(40)] + ["stranger,1,1"]
    (file := tmp_path / "o.csv").write_text("\n".join(["customer_id,contacted,answered", *lines]))

    report = taken(tmp_path, campaign, file)
    arms = campaign_result(tmp_path, campaign, as_of=AFTER).arms

    assert report == Taken(80, 1, 0, 0)
    assert [(arm.n, arm.answered, arm.contacted) for arm in arms.values()] == [(40, 40, 0), (40, 0, 40)]


def test_a_later_report_counts_instead_and_the_same_one_changes_nothing(tmp_path: Path) -> None:
    """Row by row; the files are the same bytes."""
    campaign = planned(tmp_path, treated=30, held_out=30)
    file = answers(tmp_path / "o.csv", [*ids("t", 30), *ids("h", 30)], lambda _: 0.0)
    taken(tmp_path, campaign, file)
    stored = [path.read_bytes() for path in sorted((tmp_path / CAMPAIGNS / campaign.id).glob("outcomes*"))]

    again = taken(tmp_path, campaign, file)
    same = [path.read_bytes() for path in sorted((tmp_path / CAMPAIGNS / campaign.id).glob("outcomes*"))]
    (later := tmp_path / "later.csv").write_text("customer_id,contacted,answered\nt0,1,1\n")
    changed = taken(tmp_path, campaign, later)

    assert (again, changed) == (Taken(60, 0, 0, 0), Taken(1, 0, 1, 0))
    assert stored == same
    assert campaign_result(tmp_path, campaign, as_of=AFTER).arms["treated"].answered == 1


def test_a_file_of_answers_alone_says_that_the_others_did_not(tmp_path: Path) -> None:
    """Only where it is stated; else their outcome is not known."""
    campaign = planned(tmp_path, treated=200, held_out=200)
    (file := tmp_path / "o.csv").write_text("customer_id,answered\nt0,1\nt1,1\nh0,1\n")
    taken(tmp_path, campaign, file)
    unknown = campaign_result(tmp_path, campaign, as_of=AFTER)
    taken(tmp_path, campaign, file, absent="no")
    known = campaign_result(tmp_path, campaign, as_of=AFTER)

    assert unknown.arms["treated"].n == 2
    assert unknown.status == "pending"
    assert [(arm.n, arm.answered) for arm in known.arms.values()] == [(200, 2), (200, 1)]


def test_the_erased_leave_totals_in_large_arms_and_nothing_in_small_ones(tmp_path: Path) -> None:
    """No row and no hash of theirs is left among the outcomes; the figures of a large arm stay."""
    campaign = planned(tmp_path, treated=40, held_out=10)
    (file := tmp_path / "o.csv").write_text(
        "\n".join(["customer_id,answered,value", *(f"{one},1,7" for one in [*ids("t", 40), *ids("h", 10)])])
    )
    taken(tmp_path, campaign, file)
    before = campaign_result(tmp_path, campaign, as_of=AFTER)
    mark_erased(tmp_path, ["t3", "h3"], at=AFTER.timestamp())
    after = campaign_result(tmp_path, campaign, as_of=AFTER)
    report = taken(tmp_path, campaign, file)
    again = campaign_result(tmp_path, campaign, as_of=AFTER)

    assert (before.arms["treated"].n, before.arms["held_out"].n, before.erased) == (40, 10, 0)
    assert after.arms["treated"] == before.arms["treated"]
    assert (after.arms["held_out"].n, after.arms["held_out"].answered, after.erased) == (9, 9, 2)
    assert report.erased == 2
    assert again.arms == after.arms


def test_the_silent_who_are_erased_count_as_they_were_known(tmp_path: Path) -> None:
    """Who did not answer stays so in a large arm; who left before anything was known is lost. No hash stays."""
    campaign = planned(tmp_path, treated=40, held_out=30)
    (file := tmp_path / "o.csv").write_text("customer_id,answered\nt0,1\nh0,1\n")
    mark_erased(tmp_path, ["t1"], at=1.0)
    taken(tmp_path, campaign, file, absent="no")
    before = campaign_result(tmp_path, campaign, as_of=AFTER)
    mark_erased(tmp_path, ["t2", "h2", "h0"], at=1.0)
    looks = [campaign_result(tmp_path, campaign, as_of=AFTER) for _ in range(2)]

    assert [(arm.n, arm.answered, arm.drawn) for arm in before.arms.values()] == [(39, 1, 40), (30, 1, 30)]
    assert [look.arms for look in looks] == [before.arms] * 2
    assert looks[0].srm
    assert looks[0].srm.lost == {"treated": 1, "held_out": 0}
    key = read_key(tmp_path)
    stored = [path.read_bytes() for path in (tmp_path / CAMPAIGNS / campaign.id).iterdir()]
    assert not any(keyed(key, who) in content for who in ("t1", "t2", "h0", "h2") for content in stored)
    assert set(assigned(tmp_path, campaign)) == {
        keyed(key, who) for who in [*ids("t", 40), *ids("h", 30)] if who not in {"t1", "t2", "h0", "h2"}
    }


def test_who_unsubscribed_is_a_guardrail(tmp_path: Path) -> None:
    """Told beside a gain."""
    campaign = planned(tmp_path)
    file = answers(tmp_path / "o.csv", EVERYBODY, lifted, unsubscribed=lambda one: 0.1 if one[0] == "t" else 0.01)
    taken(tmp_path, campaign, file)
    found = campaign_result(tmp_path, campaign, as_of=AFTER)

    assert found.guardrail
    assert found.guardrail.interval[0] > 0
    assert found.next_step == "weigh"
    assert any("more of the customers unsubscribed" in one for one in sentences(campaign, found))


@pytest.mark.parametrize(
    ("unsubscribed", "sentence"),
    [(lambda _: 0.02, "Not more are shown to unsubscribe"), (None, "Who unsubscribed was not reported")],
)
def test_every_result_says_what_is_known_of_unsubscribes(
    tmp_path: Path, unsubscribed: Callable[[str], float] | None, sentence: str
) -> None:
    """None more, with how many at most, or not reported; before the planned look too."""
    campaign = planned(tmp_path)
    taken(tmp_path, campaign, answers(tmp_path / "o.csv", EVERYBODY, lifted, unsubscribed=unsubscribed))
    looks = [campaign_result(tmp_path, campaign, as_of=at) for at in (EARLY, AFTER)]

    assert all(any(sentence in one for one in sentences(campaign, look)) for look in looks)
    assert [look.next_step for look in looks] == ["look_then", "go_on"]
    early, final = (look.guardrail for look in looks)
    assert (early is None) == (final is None) == (unsubscribed is None)
    if early and final:
        assert early.interval[0] < final.interval[0] < final.interval[1] < early.interval[1]


def test_damaged_outcomes_are_refused(tmp_path: Path) -> None:
    """Before they are parsed."""
    campaign = planned(tmp_path, treated=30, held_out=30)
    taken(tmp_path, campaign, answers(tmp_path / "o.csv", ids("t", 30), lambda _: 0.5))
    [file] = (tmp_path / CAMPAIGNS / campaign.id).glob("outcomes-*.parquet")
    file.write_bytes(file.read_bytes()[:-8] + bytes(8))

    with pytest.raises(CampaignError, match="as they were written"):
        campaign_result(tmp_path, campaign, as_of=AFTER)
