"""The whole chain on the mailing example: list, hold-out, outcomes, result, moved threshold; the erased leave it."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from activation.campaigns.matured import settle_campaigns
from features.spec.suppression_list import keyed, read_key
from penchant.cli.forward import main
from scoring.audiences.addressable import name_contacts
from scoring.audiences.audience import in_holdout
from scoring.audiences.campaign import campaign_named
from scoring.audiences.campaign_result import result_of, sentence_values
from scoring.audiences.contacts import ContactsFile
from scoring.audiences.pressure.contact_history import FILE
from scoring.audiences.pressure.restraint import CONTROL_FILE, control_salt
from scoring.segments.assignment import current_policy
from scoring.text.campaign_texts import campaign_sentences
from serving.customers import subject_rights
from serving.customers.housekeeping import finish_erasures
from tests.support.campaigns import dated
from tests.support.fakes.base import serving
from tests.support.fakes.mailchimp import FakeMailchimp
from tests.support.mailed import DAY, NAME, mailing_case
from tests.support.stored import traces

ENDED = DAY + timedelta(days=40)
HEADER = "customer_id,channel,purpose,granted_at,withdrawn_at,source,text_version"


@pytest.fixture
def world(mailing_home: Path, tmp_path: Path) -> Path:
    """A copy of the example, with contacts of all: every tenth did not agree, every eighth withdrew in May."""
    world = shutil.copytree(mailing_home, tmp_path / "mailing")
    home, people = world / "home", sorted(scores(world / "home"))
    lines = [
        f"{who},email,marketing,2025-01-01,{'2026-05-10' if place % 8 == 1 else ''},form,1"
        for place, who in enumerate(people)
        if place % 10
    ]
    (world / "consent.csv").write_text("\n".join([HEADER, *lines]))
    (world / "contacts.csv").write_text("\n".join(["customer_id,mail", *(f"{who},{who}@x" for who in people)]))
    (home / "run.toml").write_text('[pressure]\nmax = "2 per 7d"\ncontrol = 0.1\n')
    (home / CONTROL_FILE).parent.mkdir(exist_ok=True)  # a salt drawn by chance may leave too few between the cuts
    (home / CONTROL_FILE).write_text(json.dumps({"salt": "ours", "since": "2026-01-01T00:00:00+00:00"}))
    return world


def agreed(world: Path, *, at: str) -> None:
    """Names the contacts as consent stood at a time: what came later is not in the table yet."""
    file = world / "consent.csv"
    text = file.read_text()
    (world / f"consent-{at}.csv").write_text(text if at == "late" else text.replace("2026-05-10", ""))
    name_contacts(world / "home", ContactsFile(world / "contacts.csv", "mail", None, world / f"consent-{at}.csv"))


def scores(home: Path) -> dict[str, float]:
    """The probability of everybody who has one."""
    rows = pl.read_parquet(
        home / "population/2026-05-01/part-*.parquet", columns=["customer_id", f"{NAME}_probability"]
    )
    return dict(rows.drop_nulls().sort("customer_id").iter_rows())


def asked(words: list[str], world: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """What a command says, as JSON."""
    assert main([*words, "--home", str(world / "home"), "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_from_the_list_to_a_moved_threshold_and_an_erasure(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A planted effect is found by the log, a planted value moves the cut, and one who is erased is nowhere."""
    home = world / "home"
    agreed(world, at="early")
    contacts = ["--contacts", str(world / "contacts.csv"), "--email", "mail"]
    contacts += ["--consent-table", str(world / "consent-early.csv")]
    day = ["--snapshot", str(home / "population/2026-05-01"), "--output", str(world / "list.csv")]
    plan = ["--holdout", "0.4", "--salt", "may", "--window", "30d", "--metric", "quote_request"]

    listed = asked(["score", "export", *day, "--segment", "write", *contacts, *plan], world, capsys)
    treated = pl.read_csv(world / "list.csv")["customer_id"].to_list()
    cuts = ["--cuts", "0.01,0.05", "--salt", "cuts", "--window", "30d", "--output", str(world / "test.csv")]
    tested = asked(["campaign", "threshold", NAME, *cuts], world, capsys)
    contacted = set(pl.read_csv(world / "test.csv")["customer_id"].to_list())

    control = {who for who in scores(home) if in_holdout(who, share=0.1, salt=control_salt(home))}
    assert control.isdisjoint([*treated, *contacted])
    assert listed["left_out"]["control"] > 0
    assert listed["left_out"]["no_consent"] > 0
    assert sum(listed["left_out"].values()) + listed["written"] == listed["members"]

    for identity in (listed["campaign"], tested["id"]):
        dated(home, campaign_named(home, identity), DAY)
    quoted(world, treated[: len(treated) * 3 // 4])
    agreed(world, at="late")
    done = settle_campaigns(home, {NAME: mailing_case(world)}, ENDED)
    campaign = campaign_named(home, listed["campaign"])
    found = result_of(home, campaign)

    assert done.joined == 2
    assert found
    assert (found.status, found.next_step) == ("final", "go_on")
    assert found.effect
    assert found.effect.interval[0] > 0.3
    assert found.guardrail
    assert (found.arms["treated"].unsubscribed or 0) > 0
    assert "more answers than without" in campaign_sentences(sentence_values(campaign, found), "en")[0]

    rows = [f"{who},1,{25 + place % 9 if who in contacted else place % 9}" for place, who in enumerate(scores(home))]
    (world / "values.csv").write_text("\n".join(["customer_id,answered,value", *rows]))
    asked(["campaign", "outcomes", tested["id"], str(world / "values.csv"), "--as-of", "2026-06-10"], world, capsys)
    shown = asked(["campaign", "result", tested["id"], "--as-of", "2026-06-10", "--cost", "1"], world, capsys)
    assert shown["next_step"] == "move_cut"
    moved = asked(["campaign", "move", tested["id"], "--by", "ana"], world, capsys)

    assert shown["threshold"]["interval"][0] <= 24 <= shown["threshold"]["interval"][1]
    assert (moved["was"], moved["now"], moved["by"]) == (0.05, 0.01, "ana")
    assert current_policy(home).by_code["write"].text == '"mailing-churn".probability >= 0.01'

    gone = next(who for who in treated if who in contacted)
    subject_rights.erase(home, [gone])
    finish_erasures(home, at_once=True)
    settle_campaigns(home, {NAME: mailing_case(world)}, ENDED)
    after = result_of(home, campaign)

    assert after
    assert after.arms == found.arms
    assert after.erased == 1
    assert traces(home, gone) == set()
    who = keyed(read_key(home), gone)
    files = [home / FILE, *(path for path in (home / "campaigns").rglob("*") if path.is_file())]
    assert [path for path in files if who in path.read_bytes()] == []
    [export] = subject_rights.export(home, [gone])
    assert "lists" not in export


def quoted(world: Path, customers: list[str]) -> None:
    """Adds a quote request of each to the log, ten days after the day."""
    file = world / "data/events.parquet"
    log = pl.read_parquet(file)
    at: datetime = (DAY + timedelta(days=10)).replace(tzinfo=None)
    rows = pl.DataFrame({"customer_id": customers}).with_columns(
        pl.lit(at).alias("timestamp"), pl.lit("quote_request").alias("event_type")
    )
    pl.concat([log, rows.cast(log.select(rows.columns).schema)], how="diagonal").write_parquet(file)


def test_from_the_list_through_a_tool_that_sends_to_what_it_brought(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """List, plan, sync, the pull of an unsubscribe, outcomes, and the result beside the hold-out."""
    home = world / "home"
    monkeypatch.setenv("DEST_KEY", "secret")
    agreed(world, at="early")
    contacts = ["--contacts", str(world / "contacts.csv"), "--email", "mail"]
    contacts += ["--consent-table", str(world / "consent-early.csv")]
    day = ["--snapshot", str(home / "population/2026-05-01"), "--output", str(world / "list.csv")]
    plan = ["--holdout", "0.4", "--salt", "may", "--window", "30d", "--metric", "quote_request"]
    listed = asked(["score", "export", *day, "--segment", "write", *contacts, *plan], world, capsys)
    treated = pl.read_csv(world / "list.csv")["customer_id"].to_list()
    held_out = {who for who in scores(home) if in_holdout(who, share=0.4, salt="may")}

    with serving(fake := FakeMailchimp([f"{who}@x" for who in scores(home)], tag="may")) as url:
        (world / "may.toml").write_text(DESTINATION.format(url=url, list=listed["campaign"]), encoding="utf-8")
        file = str(world / "may.toml")
        planned = asked(["activate", "plan", file], world, capsys)
        before = len(fake.requests)
        sent = asked(["activate", "sync", file], world, capsys)
        fake.unsubscribe(f"{treated[0]}@x")
        pulled = asked(["activate", "pull", file], world, capsys)
        again = asked(["activate", "sync", file], world, capsys)

        assert (before, planned["adds"], sent["acknowledged"]) == (0, len(treated), len(treated))
        assert planned["left_out"]["holdout"] == listed["left_out"]["holdout"]
        assert (pulled["stops"], again["removes"], again["left_out"]["suppressed"]) == (1, 1, 1)
        assert fake.members().keys() == {f"{who}@x" for who in treated[1:]}
        fields = fake.members()[f"{treated[1]}@x"]
        assert set(fields) == {"SCORE", "BAND", "SEGMENT", "REASONS"}
        assert not held_out & {address.removesuffix("@x") for address in fake.members()}
        assert all("status" not in one for body in fake.posts("/lists/L1") for one in body.get("members", ()))
        assert fake.broken == []

    campaign = campaign_named(home, listed["campaign"])
    dated(home, campaign, DAY)
    reached = set(treated[1 : len(treated) * 3 // 4])
    rows = [f"{who},{int(who in reached)},{int(who == treated[0])}" for who in scores(home)]
    (world / "answers.csv").write_text("\n".join(["customer_id,answered,unsubscribed", *rows]), encoding="utf-8")
    asked(["campaign", "outcomes", campaign.id, str(world / "answers.csv"), "--as-of", "2026-06-10"], world, capsys)
    found = asked(["campaign", "result", campaign.id, "--as-of", "2026-06-10"], world, capsys)

    assert found["status"] == "final"
    assert found["incremental"]["answers"] > 0
    assert found["arms"]["treated"]["n"] == len(treated)


DESTINATION = """
[destination]
kind = "mailchimp"
key_env = "DEST_KEY"
url = "{url}"
list = "L1"
[audience]
list = "{list}"
fields = ["score", "band", "segment", "reasons"]
language = "fr"
[consent]
contacts = "contacts.csv"
email = "mail"
consent = "consent-early.csv"
"""
