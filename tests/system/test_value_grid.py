"""What customers will bring in a day of the population: its columns, the grid by risk, its lists, and the planner."""

from __future__ import annotations

import re
import shutil
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from urllib.parse import parse_qs

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.spec.languages import LANGUAGES, Language
from scoring.answers.served_release import Live
from scoring.batch.table_answers import score_table
from scoring.errors import PlanError
from scoring.models.threshold_planner import Ask, Market, by_tick, plan
from scoring.population.customer_pages import CustomerQuery, QueryError
from scoring.population.forget import forget_old
from scoring.population.ranked import open_index
from scoring.population.read_days import day_rows
from serving.console.pages.customer_list import FORMS, ListForm
from serving.console.value.value_grid import value_grid
from serving.console.views.customer_rows import ORDERS, Filters, customer_rows
from serving.console.views.day_in_service import DayNotes
from serving.console.views.plan import answer
from serving.console.web.i18n import Texts
from serving.console.web.render import page
from serving.worker.request_context import CONTEXT, RequestContext
from tests.support.days import made, released, write_customers
from tests.support.models import release_shop
from tests.support.value import with_value


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Live:
    """A release of `churn` that serves a value."""
    home = tmp_path_factory.mktemp("releases")
    release_shop(home, "churn", scratch=tmp_path_factory.mktemp("bundles"), polarity="negative", seed=1)
    return with_value(released(home, "churn")["churn"])


@pytest.fixture(scope="module")
def home(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a day of it; only to be read."""
    home = tmp_path_factory.mktemp("home")
    made(home, {"churn": live}, write_customers(home / "customers.parquet"))
    return home


def context_of(home: Path, live: Live) -> RequestContext:
    """The parts of a request that lists read."""
    snapshot = SimpleNamespace(served={"churn": live}, policy=SimpleNamespace(by_code={}), segmentations={})
    runtime = SimpleNamespace(settings=SimpleNamespace(home=home))
    return cast(RequestContext, SimpleNamespace(runtime=runtime, key=None, snapshot=snapshot, rows=0))


def test_a_day_holds_the_value_that_batch_gives(home: Path, live: Live) -> None:
    """To the bit, null where the customer was not scored; the index has the same."""
    batch = score_table({"churn": live}, pq.read_table(home / "customers.parquet"), reasons=3)
    index = open_index(home)
    day = {one["customer_id"]: one for one in day_rows(home, index.day).to_pylist()}
    columns = ("value", "value_low", "value_high", "value_base")
    listed = index.page(CustomerQuery(), limit=300).customers

    for one in batch.to_pylist():
        assert [day[one["customer_id"]][f"churn_{name}"] for name in columns] == [one[name] for name in columns]
    assert {one.customer_id: one.scores["churn"].value for one in listed if "churn" in one.scores} == {
        customer: one["churn_value"] for customer, one in day.items() if one["churn_status"]
    }


def test_a_cell_of_the_grid_leads_to_its_customers(home: Path, live: Live) -> None:
    """As many as it says, together worth what it says, the most worth first; all cells are all who were scored."""
    texts, index = Texts("en"), open_index(home)
    grid = value_grid(home, live, texts)
    assert grid is not None
    cells = [cell for row in grid.rows for cell in row.cells]

    assert sum(cell.customers for cell in cells) == index.counts(CustomerQuery("churn")).total
    assert grid.expected == pytest.approx(np.nansum(index.values("churn")))
    for cell in cells:
        asked = Filters.read({name: found[0] for name, found in parse_qs(cell.address).items()})
        shown = customer_rows(context_of(home, live), asked, texts)
        values = [row.value or 0.0 for row in shown.rows]

        assert shown.total == cell.customers
        assert values == sorted(values, reverse=True)
        if cell.customers <= len(values):
            assert sum(values) == pytest.approx(cell.expected)


def test_a_value_that_the_day_does_not_have_is_refused(home: Path) -> None:
    """Bands of value are counted from 1; without a use case there is none."""
    index = open_index(home)

    for query in (CustomerQuery("churn", value=4), CustomerQuery("churn", value=0), CustomerQuery(value=1)):
        with pytest.raises(QueryError, match="band of value"):
            index.page(query)


def test_the_planner_takes_each_customer_s_own_value() -> None:
    """A hit is worth what that customer will bring: others are worth a contact than with one value for all."""
    random = np.random.default_rng(4)
    chance, worth = random.uniform(0.05, 0.6, 400), random.gamma(1, 30, 400)
    market = Market(*by_tick(chance), 1.0, 0.0, np.zeros((2, 2))).among(chance, worth)
    asked = {"cost": "6", "save_rate": "50"}
    own = answer(market, asked, Texts("en"), leaving=True, own_value=True)
    both = answer(market, {**asked, "value": "40"}, Texts("en"), leaving=True, own_value=True)
    plain = answer(market, {**asked, "value": str(worth.mean())}, Texts("en"), leaving=True)

    assert own.cut is not None
    assert plain.cut is not None
    picked = chance >= own.cut.threshold
    assert own.cut.worth == pytest.approx((chance * worth)[picked].sum(), rel=1e-4)
    assert own.cut.profit == pytest.approx(0.5 * (chance * worth)[picked].sum() - 6 * picked.sum(), rel=1e-3)
    assert own.cut.profit != pytest.approx(plain.cut.profit)
    assert both.broken == [Texts("en")["plan_one_value"]]
    with pytest.raises(PlanError, match="own value"):
        plan(Market(*by_tick(chance), 1.0, 0.0, np.zeros((2, 2))), Ask(cost=1.0, own_value=True))


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_say_the_value_in_words(home: Path, live: Live, language: Language) -> None:
    """The grid names profit where a margin is stated and else revenue, and no page calls revenue profit."""
    texts, revenue = Texts(language), with_value(live, margin=None)
    grid = value_grid(home, live, texts)
    view = customer_rows(context_of(home, live), Filters("churn", value="2", order="-value"), texts)
    listed = {"asked": view.asked, "shown": view, "form": ListForm(), "orders": ORDERS, "formats": FORMS}
    token = CONTEXT.set(context_of(home, live))
    try:
        shown = bytes(page("value_grid.html", language, {"value_grid": grid}).body).decode()
        of_revenue = value_grid(home, revenue, texts)
        other = bytes(page("value_grid.html", language, {"value_grid": of_revenue}).body).decode()
        rows = bytes(page("customers.html", language, {**listed, "notes": DayNotes([])}).body).decode()
    finally:
        CONTEXT.reset(token)

    assert texts["value_profit"] in shown
    assert texts["value_revenue"] in other
    assert texts["value_profit"] not in other
    assert len(re.findall(r"/console/customers\?use_case=churn&amp;band=\w+&amp;value=\d", shown)) > 3
    assert rows.count('data-part="value"') == len(view.rows) > 0
    assert 'data-part="value-band"' in rows


def test_age_takes_the_reasons_of_a_value(home: Path, tmp_path: Path) -> None:
    """The amounts stay as scores do."""
    shutil.copytree(home / "population", tmp_path / "population")
    forget_old(tmp_path, date(2026, 6, 1), keep=timedelta(days=35), matured=timedelta(days=35), months=13)

    names = day_rows(tmp_path, open_index(tmp_path).day).column_names

    assert "churn_value" in names
    assert not [name for name in names if "_reason_" in name]
