"""The console's small parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.models.threshold_planner import TICKS, Ask, Market, plan
from serving.console.charts.model_charts import CUTS
from serving.console.charts.svg import histogram, round_steps
from serving.console.views.findings import findings
from serving.console.views.plan import answer
from serving.console.web.i18n import Texts
from training.bundling.curves import CUTS as CURVE_CUTS
from training.bundling.curves import curves
from training.bundling.market import market_of


def some_market() -> Market:
    """Three thousand customers whose probabilities are true."""
    rng = np.random.default_rng(1)
    probability = np.clip(rng.beta(1, 5, 3000), 1e-4, 1 - 1e-4)
    return market_of(probability, probability, (rng.random(3000) < probability).astype(int))


def test_the_planner_is_the_one_of_the_command_line() -> None:
    """The form's percentages and sums are the planner's words."""
    market = some_market()
    form = {"capacity": "400", "precision": "30", "cost": "1,5", "value": "12", "save_rate": "50"}
    told = answer(market, form, Texts("fr"))

    assert told.cut == plan(market, Ask(400, 0.3, None, 1.5, 12.0, 0.5))["cut"]
    assert told.cut in told.cuts


def test_a_million_customers_cost_the_planner_no_more_than_ten_thousand_cuts() -> None:
    """What a page works on and draws has a bound that no number of customers moves."""
    rng = np.random.default_rng(1)
    probability = np.clip(rng.beta(1, 5, 1_000_000), 1e-4, 1 - 1e-4)
    test = probability[:2000]
    market = market_of(probability, test, (rng.random(2000) < test).astype(int))
    told = answer(market, {"capacity": "50000", "cost": "1", "value": "9"}, Texts("en"))
    drawn = curves((rng.random(1_000_000) < probability).astype(int), {"model": probability})["candidates"]["model"]

    assert told.population == 1_000_000
    assert max(len(held) for held in market.cuts.values()) <= TICKS
    assert len(told.charts) == 2
    assert all(line.path.count("L") <= CUTS for chart in told.charts for line in chart.lines)
    assert len(drawn["at"]) <= CURVE_CUTS + 1


def test_curves_take_everyone_in_the_end() -> None:
    """The last cut holds all rows and all outcomes; no cut parts equal probabilities."""
    label, probability = np.array([1, 0, 1, 0, 0, 1]), np.array([0.9, 0.9, 0.5, 0.5, 0.5, 0.1])
    told = curves(label, {"model": probability})["candidates"]["model"]

    assert told == {"at": [0.9, 0.5, 0.1], "rows": [2, 5, 6], "hits": [1, 2, 3]}


@pytest.mark.parametrize("text", ["abc", "-1", "0", "1e99", "nan", "2.5"])
def test_a_form_that_makes_no_sense_is_told_so(text: str) -> None:
    """A sentence that names the field, and no plan."""
    told = answer(some_market(), {"capacity": text}, Texts("fr"))

    assert told.cut is None
    assert "Capacité" in told.broken[0]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e9))
def test_ticks_are_few_and_inside(low: float, spread: float) -> None:
    """At most six, rising, within the axis."""
    steps = round_steps(low, low + spread)

    assert 1 <= len(steps) <= 6
    assert steps == sorted(steps)
    assert all(low - spread * 1e-6 <= step <= low + spread * (1 + 1e-6) for step in steps)


@given(st.lists(st.floats(0, 1), min_size=99, max_size=99))
def test_a_histogram_counts_everyone(boundaries: list[float]) -> None:
    """Its shares add up to one."""
    assert sum(bar.share for bar in histogram(sorted(boundaries))) == pytest.approx(1)


def test_numbers_follow_the_language() -> None:
    """French decimals, blanks and dates; a minus that is one; no sign on what shows as zero."""
    french, english = Texts("fr"), Texts("en")

    assert (english.percent(0.62, 0), french.percent(0.62, 0)) == ("62%", "62\u202f%")
    assert (english.signed(-1.234), french.signed(0.5)) == ("\u22121.23", "+0,50")
    assert english.signed(-0.001) == "0.00"
    assert french.date("1998-04-02") == "2 avril 1998"
    assert french.between(1, 2, 1) == "[1,0\u202f; 2,0]"


def test_findings_on_a_french_page_keep_their_signs_with_their_words() -> None:
    """Colons and percent signs never start a line; a bundle that carries no findings shows none."""
    figures = {"auc": 0.9987, "accepted": "su au guichet"}
    finding = {"rule": "separates_alone", "feature": "x", "severity": "warn", "detail": "Alone.", "figures": figures}

    [french], [english] = (findings({"findings": [finding]}, Texts(language)) or [] for language in ("fr", "en"))

    assert french.detail.endswith("(AUC 0,999). Accepté\xa0: su au guichet")
    assert (french.rule, english.rule) == ("Sépare seule les issues", "Separates the outcomes alone")
    assert findings({}, Texts("fr")) is None
