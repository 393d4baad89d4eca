"""Whom the list of a campaign was made of, as its page says it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import UNSET

from features.spec.languages import Language
from scoring.answers.served_release import open_live
from scoring.audiences.campaign import CampaignList, CampaignPlan, CampaignVersions, record_campaign
from scoring.segments.assignment import DEFAULT
from serving.console.campaigns.campaign_board import campaign_board
from serving.console.web.i18n import Texts
from tests.support.models import release_shop
from tests.support.segmented import NAMES, release_habits

NOW = datetime(2026, 3, 3, tzinfo=UTC)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_campaign_says_whom_its_list_is_of(tmp_path: Path, language: Language) -> None:
    """A group by its label, look-alikes as such; nothing of a list of all, and the code of a group that is gone."""
    release_shop(tmp_path, "churn", scratch=tmp_path / "bundles", polarity="negative")
    release_habits(tmp_path, tmp_path / "bundles")
    lists = {
        "all": CampaignList(use_case="churn", snapshot="2026-03-01T00:00:00Z"),
        "group": CampaignList(use_case="churn", snapshot="2026-03-01T00:00:00Z", cluster="habits.group_2"),
        "gone": CampaignList(use_case="churn", snapshot="2026-03-01T00:00:00Z", cluster="old.group_1"),
        "alike": CampaignList(use_case="churn", snapshot="2026-03-01T00:00:00Z", lookalike="ab" * 32),
    }
    made = {
        name: record_campaign(
            tmp_path,
            CampaignPlan(salt=name, holdout=0.5, list=listed, versions=CampaignVersions({"churn": "1"}, "default")),
            treated=[f"t{name}"],
            holdout_ids=[f"h{name}"],
        ).id
        for name, listed in lists.items()
    }

    shown = campaign_board(tmp_path, open_live(tmp_path, ["churn"]), DEFAULT, Texts(language), now=NOW)

    whom = {line.id: line.whom for lines in shown.by_stage.values() for line in lines}
    assert lists["all"].cluster is UNSET
    assert {name: whom[identity] for name, identity in made.items()} == {
        "all": "",
        "group": NAMES["group_2"][language],
        "gone": "old.group_1",
        "alike": {"en": "look-alikes of a file", "fr": "clients ressemblant à ceux d'un fichier"}[language],
    }
