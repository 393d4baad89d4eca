"""The model's page: right and wrong at a threshold, what moves scores, and which way."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from scoring.answers.served_release import Live
from scoring.releases.store import load_release
from serving.console.evidence.confusion import Confusion, at_threshold
from serving.console.evidence.dependence import feature_evidence
from serving.console.web.i18n import Texts
from tests.serving.console.conftest import Open
from tests.support.servers import Server


@pytest.fixture
def live(home: Path) -> Live:
    """A release with what training kept of its test rows."""
    return Live(load_release(home, "churn"))


def test_the_four_counts_are_all_rows_and_the_curves_own(live: Live) -> None:
    """At every cut of the curve; a higher threshold never takes more."""
    stored = json.loads(live.release.bundle.files["curves.json"])
    curve = stored["candidates"][stored["served"]]
    texts, taken = Texts("en"), []

    for at, rows, hits in zip(curve["at"], curve["rows"], curve["hits"], strict=True):
        view = at_threshold(live, repr(100 * at), texts)
        assert view is not None
        counts = view.whole
        if view.threshold <= at:  # a percentage has fewer digits than a probability
            assert (counts.right + counts.wrong, counts.right) == (rows, hits)
        assert (counts.rows, counts.right + counts.missed) == (stored["rows"], stored["hits"])
        taken.append(counts.right + counts.wrong)

    assert taken == sorted(taken)


def test_groups_add_up_to_everybody(live: Live) -> None:
    """Each row of the trait is in one group, at whichever threshold."""
    for asked in ("0", "12.5", "60", "100"):
        view = at_threshold(live, asked, Texts("fr"))
        assert view is not None
        [trait] = view.traits
        assert sum(one.counts.rows for one in trait.groups) == view.whole.rows


@pytest.mark.parametrize("asked", [None, "", "much", "-1", "101", "nan"])
def test_without_a_threshold_it_is_that_of_the_highest_band(live: Live, asked: str | None) -> None:
    """What cannot be read as a percentage is none."""
    view = at_threshold(live, asked, Texts("en"))

    assert view is not None
    assert view.threshold == live.release.bundle.ladder.thresholds[-1]


def test_a_rate_of_nothing_is_none() -> None:
    """Nobody taken, or nobody with the outcome."""
    nobody = Confusion(0, 0, 0, 5)

    assert (nobody.precision, nobody.recall, nobody.taken, nobody.false_alarms) == (None, None, 0.0, 0.0)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_features_are_called_as_people_call_them(live: Live, language: str) -> None:
    """None by its column, nor one that may not be named; shares add up to all."""
    bundle = live.release.bundle
    evidence = feature_evidence(bundle, Texts("fr" if language == "fr" else "en"))
    assert evidence is not None

    called = {one.called for one in evidence.weights}
    assert not called & {"days_since_purchase", "purchases_90d", "monetary_365d", "Joined on", "Inscrit le"}
    assert len(called) == len(bundle.features)  # one of them is what may not be named
    assert sum(one.share for one in evidence.weights) == pytest.approx(1, abs=1e-4)
    assert evidence.features[0].table


def test_the_page_asks_for_a_threshold_and_answers_it(client: httpx.Client) -> None:
    """By address, and alone for the slider."""
    page = client.get("/console/models/churn?threshold=30&language=en").text
    alone = client.get("/console/models/churn/confusion?threshold=30&language=fr").text

    assert 'value="30.0"' in page
    assert "Right and wrong at a threshold" in page
    assert "<html" not in alone
    assert "Retenues" in alone


def test_the_slider_answers_while_it_moves(server: Server, open_page: Open) -> None:
    """Nobody is taken from a score of 100, everybody from 0."""
    seen = open_page(server, "/console/models/churn?language=en")
    said = "[data-part=threshold-says]:has-text('{} of 900')"

    seen.page.fill("#threshold", "0")
    seen.page.wait_for_selector(said.format(900))
    seen.page.fill("#threshold", "100")
    seen.page.wait_for_selector(said.format(0))

    assert seen.page.locator("#content h1").count() == 1
