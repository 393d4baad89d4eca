"""The planner, the lists and the pages of a use case whose day says what a contact changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from features.spec.languages import LANGUAGES, Language
from scoring.answers.served_release import Live
from scoring.models.threshold_planner import Ask, plan
from scoring.models.uplift_market import EffectEvidence, UpliftMarket
from scoring.population.customer_pages import CustomerQuery
from scoring.population.ranked import open_index
from serving.api.customer_lists import let_leave, ranked_list
from serving.api.population import answer_customers
from serving.console.pages.customer_list import FORMS, ListForm
from serving.console.views.customer_rows import ORDERS, Filters, customer_rows
from serving.console.views.day_in_service import DayNotes, market_today
from serving.console.views.plan import answer
from serving.console.web.i18n import Texts
from serving.console.web.render import page
from serving.http.problems import Problem
from serving.requests.population_models import list_request
from serving.worker.request_context import CONTEXT, RequestContext
from tests.support.apart import run_apart
from tests.support.days import made, released, write_customers
from tests.support.models import release_shop
from tests.support.uplift import with_uplift

EVIDENCE = EffectEvidence(depth=0.25, below=0.02, above=0.03)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Live:
    """A release of `churn` that serves the effect of a contact."""
    home = tmp_path_factory.mktemp("releases")
    release_shop(home, "churn", scratch=tmp_path_factory.mktemp("bundles"), polarity="negative", seed=1)
    return with_uplift(released(home, "churn")["churn"])


@pytest.fixture(scope="module")
def home(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a day of it; only to be read but for its log of exports."""
    home = tmp_path_factory.mktemp("home")
    made(home, {"churn": live}, write_customers(home / "customers.parquet"))
    return home


def some_effects() -> UpliftMarket:
    """A thousand customers, of whom a contact harms about a third."""
    return UpliftMarket.of(np.random.default_rng(2).normal(0.02, 0.05, 1000), EVIDENCE)


def test_a_plan_by_uplift_adds_up_the_effects_of_whom_it_picks() -> None:
    """Hits are their sum, the interval is of the evidence, at its own depth as wide, else by the root of the depth."""
    effects = np.sort(np.random.default_rng(2).normal(0.02, 0.05, 1000))[::-1]
    cuts = UpliftMarket.of(effects, EVIDENCE).cuts
    rows = cuts["rows"].astype(int)

    assert cuts["hits"] == pytest.approx(effects.cumsum()[rows - 1])
    below, above = cuts["hits"] - cuts["hits_low"], cuts["hits_high"] - cuts["hits"]
    assert below / rows == pytest.approx(0.02 * 1.6449 / 1.96 * np.sqrt(250 / rows))
    assert above == pytest.approx(1.5 * below)


def test_money_is_of_outcomes_that_would_not_be_there_without_a_contact() -> None:
    """Contacts are worth it as long as the effect is worth their cost, whatever the response rate."""
    market = some_effects()
    cut = plan(market, Ask(cost=1.0, value=25.0)).cut

    assert cut.threshold >= 1 / 25 - 1e-4
    assert cut.profit == pytest.approx(cut.hits * 25 - cut.rows)
    assert cut.profit_low == pytest.approx(cut.hits_low * 25 - cut.rows)


def test_nobody_is_contacted_whom_that_changes_for_the_worse() -> None:
    """A capacity for all reaches only who gains; where nobody does it says so."""
    market, texts = some_effects(), Texts("en")
    found = answer(market, {"capacity": "1000"}, texts, leaving=False)
    nobody = answer(UpliftMarket.of(np.full(9, -0.1), EVIDENCE), {"capacity": "9"}, texts, leaving=True)

    assert found.cut is not None
    assert found.cut.rows == market.gaining < 1000
    assert nobody.cut is None
    assert nobody.broken == [texts["plan_nobody_gains"]]


def test_the_planner_counts_the_days_departures_avoided(home: Path, live: Live) -> None:
    """A departure that a contact makes less likely is for the good; the plan and the list pick the same customers."""
    today = market_today(home, live)
    assert today is not None
    assert today.day == "2026-03-01"
    plan_made = answer(today.market, {"capacity": "30"}, Texts("en"), leaving=True)

    index = open_index(home)
    rows = index.ranked(CustomerQuery("churn", order="-uplift"))
    assert plan_made.cut is not None
    assert plan_made.uplift
    assert plan_made.cut.hits == pytest.approx(-index.uplifts("churn")[rows[: plan_made.cut.rows]].sum())


def test_without_a_day_there_is_no_plan_by_uplift(tmp_path: Path, live: Live) -> None:
    """Response rates of the training would answer another question."""
    assert market_today(tmp_path, live) is None


def context_of(home: Path, live: Live) -> RequestContext:
    """The parts of a request that lists read."""
    snapshot = SimpleNamespace(served={"churn": live}, policy=SimpleNamespace(by_code={}), segmentations={})
    runtime = SimpleNamespace(settings=SimpleNamespace(home=home))
    return cast(RequestContext, SimpleNamespace(runtime=runtime, key=None, snapshot=snapshot, rows=0, salt=None))


def test_a_list_says_that_uplift_picked_it(home: Path, live: Live) -> None:
    """Its customers are the first by effect, each with it beside the score."""
    context = context_of(home, live)
    found = let_leave(
        ranked_list(list_request({"use_case": "churn", "top": 5}), context), context, format_="json", by="api"
    )

    uplifts = [one.scores["churn"].uplift for one in found["customers"]]
    assert found["picked_by"] == "uplift"
    assert uplifts == sorted(open_index(home).uplifts("churn"), key=lambda one: (np.isnan(one), one))[:5]


def test_pages_over_http_come_in_the_order_of_the_effect(home: Path, live: Live) -> None:
    """Page by page it is the order that lists take; a day without values says that it cannot order by them."""
    context = context_of(home, live)

    async def in_thread(call: Callable[[], Any]) -> Any:
        return call()

    cast(Any, context).in_thread = in_thread

    def page_of(**asked: str) -> Any:
        pairs = list({"use_case": "churn", "order": "-uplift", **asked}.items())
        return json.loads(bytes(run_apart(answer_customers(pairs, context)).body))

    first = page_of(limit="4")
    second = page_of(limit="4", cursor=first["next"])
    index = open_index(home)
    rows = index.ranked(CustomerQuery("churn", order="-uplift"))[:8]
    assert [one["customer_id"] for one in first["customers"] + second["customers"]] == index.ids(rows)
    effects = [one["scores"]["churn"]["uplift"] for one in first["customers"] + second["customers"]]
    assert effects == sorted(effects)
    with pytest.raises(Problem) as refused:
        page_of(order="-value")
    assert "no values" in str(refused.value.errors)


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_say_the_effect_in_words(home: Path, live: Live, language: Language) -> None:
    """The plan names what it counts; a customer's row has the effect that the day holds."""
    texts = Texts(language)
    today = market_today(home, live)
    assert today is not None
    made_plan = answer(today.market, {"cost": "1", "value": "40"}, texts, leaving=True)
    facts = {"plan": made_plan, "notes": DayNotes([]), "here": "churn", "by_uplift": True}
    view = customer_rows(context_of(home, live), Filters("churn"), texts)
    listed = {"asked": view.asked, "shown": view, "form": ListForm(), "orders": ORDERS, "formats": FORMS}
    token = CONTEXT.set(context_of(home, live))
    try:
        shown = bytes(page("plan.html", language, facts).body).decode()
        rows = bytes(page("customers.html", language, {**listed, "notes": DayNotes([])}).body).decode()
    finally:
        CONTEXT.reset(token)

    assert 'data-part="by-uplift"' in shown
    assert texts["uplift_hits"] in shown.replace("&#39;", "'")
    assert 'name="threshold"' not in shown
    assert rows.count('data-part="uplift"') == len(view.rows)
    assert f'<data value="{view.rows[0].uplift}">' in rows
    assert texts["list_uplift_says"] in rows.replace("&#39;", "'")
    words = {"en": "contact lowers the chance by 4.2 points", "fr": "un contact diminue la probabilité de 4,2 points"}
    assert texts.of("uplift_lowers", points=texts.number(4.2, 1)).replace("\xa0", " ") == words[language]
