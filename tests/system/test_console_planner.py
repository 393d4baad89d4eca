"""The planner and the curves of a model's page, on what training writes into a bundle."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.models.threshold_planner import TICKS, Ask, Market, plan
from serving.console.charts.model_charts import CUTS
from serving.console.views.plan import answer
from serving.console.web.i18n import Texts
from training.bundling.curves import CUTS as CURVE_CUTS
from training.bundling.curves import curves
from training.bundling.market import market_of
from training.data.clusters import Clusters


def some_market() -> Market:
    """Three thousand customers whose probabilities are true."""
    rng = np.random.default_rng(1)
    probability = np.clip(rng.beta(1, 5, 3000), 1e-4, 1 - 1e-4)
    return market_of(probability, probability, (rng.random(3000) < probability).astype(int), Clusters.apart(3000))


def test_the_planner_is_the_one_of_the_command_line() -> None:
    """The form's percentages and sums are the planner's words."""
    market = some_market()
    form = {"capacity": "400", "precision": "30", "cost": "1,5", "value": "12", "save_rate": "50"}
    found = answer(market, form, Texts("fr"), leaving=False)

    assert found.cut == plan(market, Ask(400, 0.3, None, 1.5, 12.0, 0.5)).cut
    assert found.cut in found.cuts


def test_a_million_customers_cost_the_planner_no_more_than_ten_thousand_cuts() -> None:
    """What a page works on and draws has a bound that no number of customers moves."""
    rng = np.random.default_rng(1)
    probability = np.clip(rng.beta(1, 5, 1_000_000), 1e-4, 1 - 1e-4)
    test = probability[:2000]
    market = market_of(probability, test, (rng.random(2000) < test).astype(int), Clusters.apart(2000))
    found = answer(market, {"capacity": "50000", "cost": "1", "value": "9"}, Texts("en"), leaving=False)
    drawn = curves((rng.random(1_000_000) < probability).astype(int), {"model": probability})["candidates"]["model"]

    assert found.population == 1_000_000
    assert max(len(rows) for rows in market.cuts.values()) <= TICKS
    assert len(found.charts) == 2
    assert all(line.path.count("L") <= CUTS for chart in found.charts for line in chart.lines)
    assert len(drawn["at"]) <= CURVE_CUTS + 1


def test_curves_take_everyone_in_the_end() -> None:
    """The last cut holds all rows and all outcomes; no cut parts equal probabilities."""
    label, probability = np.array([1, 0, 1, 0, 0, 1]), np.array([0.9, 0.9, 0.5, 0.5, 0.5, 0.1])
    found = curves(label, {"model": probability})["candidates"]["model"]

    assert found == {"at": [0.9, 0.5, 0.1], "rows": [2, 5, 6], "hits": [1, 2, 3]}


@pytest.mark.parametrize("text", ["abc", "-1", "0", "1e99", "nan", "2.5"])
def test_a_form_that_makes_no_sense_is_told_so(text: str) -> None:
    """A sentence that names the field, and no plan."""
    found = answer(some_market(), {"capacity": text}, Texts("fr"), leaving=False)

    assert found.cut is None
    assert "Capacité" in found.broken[0]
