"""What a policy says of the use of its segments: in answers where it is said, nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from features.spec.languages import LANGUAGES
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.releases.store import load_release
from scoring.segments.assignment import current_policy, install_policy
from scoring.segments.policy_file import PolicyError, read_policy
from tests.scoring.segments.test_assignment import GOOD, USE_CASES
from tests.support.models import release_shop, shop_rows

GUIDED = GOOD.replace(
    'code = "rest"',
    """code = "rest"
action = { fr = "Écrire", en = "Write" }
objective = "Win back"
owner = "Care"
review_by = 2027-01-01""",
)


def test_guidance_survives_its_installation(tmp_path: Path) -> None:
    """In the policy's file, of the segment that has it alone."""
    policy = read_policy(GUIDED, USE_CASES)
    version = install_policy(tmp_path, policy, GUIDED)
    stored = json.loads((tmp_path / "segments" / version / "policy.json").read_bytes())["segments"]

    assert current_policy(tmp_path).segments == policy.segments
    assert policy.by_code["rest"].guidance.to_json() == {
        "action": {"fr": "Écrire", "en": "Write"},
        "objective": "Win back",
        "owner": "Care",
        "review_by": "2027-01-01",
    }
    assert [segment["code"] for segment in stored if "action" in segment] == ["rest"]


def test_a_policy_without_it_is_installed_as_before(tmp_path: Path) -> None:
    """No key more, so that its version is what it was."""
    stored = read_policy(GOOD, USE_CASES).to_json()["segments"]

    assert all(not segment.keys() & {"action", "objective", "owner", "review_by"} for segment in stored)


def test_answers_name_the_next_step_in_their_language(live: dict[str, Live]) -> None:
    """Of the segment that says one."""
    profiles = [{"customer_id": "c", "features": row} for row in shop_rows(60)]
    policy = read_policy(GUIDED, USE_CASES)

    for language in LANGUAGES:
        placed = [answer["segment"] for answer in score_profiles(live, profiles, policy=policy, language=language)]
        action = {"fr": "Écrire", "en": "Write"}[language]
        assert {one["code"] for one in placed if one} >= {"rest", "hot"}
        assert all(one.get("action") == (action if one["code"] == "rest" else None) for one in placed if one)


def test_a_band_names_the_next_step_of_its_use_case(live: dict[str, Live], tmp_path: Path) -> None:
    """Where the use case says one; any other band is what it was."""
    release_shop(tmp_path, "churn", scratch=tmp_path, actions={"high": {"fr": "Appeler", "en": "Call"}})
    said = {"churn": Live(load_release(tmp_path, "churn"))}
    profiles = [{"customer_id": "c", "features": row} for row in shop_rows(120)]

    for served, steps in ((said, {"high": "Appeler", "medium": None}), (live, {"high": None})):
        scores = [answer["scores"]["churn"] for answer in score_profiles(served, profiles, language="fr")]
        bands = [score["band"] for score in scores if score["status"] == "scored"]
        assert {band["code"] for band in bands} >= steps.keys()
        assert all(band.get("action") == steps.get(band["code"]) for band in bands)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('action = { fr = "Écrire" }', "An action is needed in fr and en"),
        ('action = "Write"', "`action` must be dict"),
        ('review_by = "soon"', "`review_by` must be date"),
        ("owner = 3", "`owner` must be str"),
    ],
)
def test_guidance_that_is_none_is_refused_with_its_line(line: str, said: str) -> None:
    """As any other key."""
    with pytest.raises(PolicyError) as refused:
        read_policy(GOOD.replace('code = "rest"', f'code = "rest"\n{line}'), USE_CASES)

    assert any(said in fault and fault.startswith("line 10") for fault in refused.value.faults)
