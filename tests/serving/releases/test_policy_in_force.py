"""Segments go on being named by the last good policy, whatever is installed or released."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.answers.wire import Result
from scoring.errors import PolicyFailedError
from scoring.releases.store import load_release
from scoring.segments.assignment import DEFAULT, install_policy
from scoring.segments.policy import Policy
from scoring.segments.policy_file import read_policy
from serving.releases.policy_in_force import PolicyInForce
from serving.releases.watcher import Snapshot
from serving.worker.request_context import RequestContext
from tests.scoring.answers.test_policy_proof import MISFIT
from tests.scoring.segments.test_assignment import GOOD, USE_CASES
from tests.support.models import SHOP, release_shop
from tests.support.servers import QUICK, start, stop, until


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A home of one's own with both releases."""
    for name in USE_CASES:
        release_shop(tmp_path / "home", name, scratch=tmp_path)
    return tmp_path / "home"


def served_in(home: Path) -> dict[str, Live]:
    """Both releases, loaded."""
    return {name: Live(load_release(home, name)) for name in USE_CASES}


def test_a_policy_that_fails_on_golden_rows_is_not_taken(shop: Path) -> None:
    """The last good one stays, and the refusal says why; nothing is tried again until something changes."""
    served, force = served_in(shop), PolicyInForce()
    good = install_policy(shop, read_policy(GOOD, USE_CASES), GOOD)
    assert (force.look(shop, served, 1), force.policy.version, force.refusal) == (True, good, None)

    install_policy(shop, MISFIT, "")
    force.look(shop, served, 2)
    kept, refusal = force.policy.version, force.refusal or ""

    assert kept == good
    assert "ValueError" in refusal
    assert force.look(shop, served, 2) is False


def test_a_policy_that_fails_at_a_customer_is_given_up_for_the_last_good_one(
    shop: Path, profile: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The call is answered; the log says so and names no value; it is not tried again until something changes."""
    served, force = served_in(shop), PolicyInForce()
    install_policy(shop, MISFIT, "")
    force.look(shop, {}, 1)  # no release yet that could have proved it
    snapshot = Snapshot(served=served, policy=force.policy)
    context = RequestContext("r", cast(Any, SimpleNamespace(give_up=force.give_up)), snapshot)

    def scored(policy: Policy) -> list[Result]:
        return score_profiles(served, [profile], policy=policy)

    with pytest.raises(PolicyFailedError) as failed:
        scored(force.policy)
    context.give_up_policy(failed.value)
    [answer] = scored(context.snapshot.policy)

    assert answer["segment"] is not None
    assert answer["segment"]["code"] in DEFAULT.by_code
    assert (force.policy, context.snapshot.policy) == (DEFAULT, DEFAULT)
    assert "named no segments" in (force.refusal or "")
    assert '"level":"error","event":"policy"' in capsys.readouterr().err
    assert force.look(shop, {}, 1) is False


def test_a_server_names_segments_whatever_is_installed(shop: Path, tmp_path: Path, profile: dict[str, Any]) -> None:
    """A rule with a value spelled like a part of a rule serves; one that fails is refused, and /readyz says so."""
    odd = GOOD.replace("purchases_90d >= 2", "\\\"canal d'achat\\\" IN ('column', 'web')")
    known = tuple(replace(each, levels=(*each.levels, "column")) if each.levels else each for each in SHOP)
    version = install_policy(shop, read_policy(odd, dict.fromkeys(USE_CASES, known)), odd)
    server = start(shop, tmp_path, QUICK)
    try:
        with server.client() as client:

            def segment() -> str:
                answer = client.post("/v1/scores", json={"profiles": [profile]})
                return str(answer.raise_for_status().json()["results"][0]["segment"]["code"])

            assert client.get("/v1/segments").json()["policy"] == version
            assert segment() == "rest"
            install_policy(shop, MISFIT, "")
            until(lambda: "policy_refused" in client.get("/readyz").json())
            assert segment() == "rest"
            assert client.get("/v1/segments").json()["policy"] == version
    finally:
        stop(server)
