"""The threshold planner's form and its answer, by the planner that training uses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from scoring.errors import PlanError
from scoring.models.threshold_planner import Ask, Cut, Plannable, plan
from scoring.models.uplift_market import UpliftMarket
from serving.console.charts.model_charts import plan_charts
from serving.console.charts.svg import Chart
from serving.console.web.i18n import Texts

_MOST = 1e9
# each field of the form: its label, the rule it keeps, its bounds, and what it is divided by
_FIELDS: Mapping[str, tuple[str, str, float, float, float]] = {
    "capacity": ("capacity", "plan_whole", 1, _MOST, 1),
    "precision": ("least_precision", "plan_percent", 1e-9, 100 - 1e-9, 100),
    "cost": ("cost", "plan_not_negative", 0, _MOST, 1),
    "value": ("hit_value", "plan_positive", 1e-9, _MOST, 1),
    "save_rate": ("save_rate", "plan_percent", 1e-9, 100, 100),
}


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What was asked, and what it brings; without a cut where nothing keeps the ask, or the form was wrong."""

    asked: Mapping[str, str]  # the form's fields as they stand
    population: int
    leaving: bool  # whether a hit is bad news: somebody who leaves, of whom a contact saves some
    broken: list[str] = field(default_factory=list)
    cut: Cut | None = None
    at_random: float = 0.0  # hits among as many customers drawn by lot
    saved: float | None = None  # departures avoided, where it was asked how many a contact saves
    cuts: list[Cut] = field(default_factory=list)  # the chosen one among its neighbours, largest last
    charts: list[Chart] = field(default_factory=list)
    valued: bool = False  # whether it is known what each customer will bring
    profit: bool = True  # whether money won is profit, else it is revenue
    uplift: bool = False  # whether hits are outcomes more than without a contact, picked by its effect
    day: str | None = None  # ISO date of the customers planned for; None: those of the version's training


def answer(
    market: Plannable, posted: Mapping[str, str], texts: Texts, *, leaving: bool, own_value: bool = False
) -> PlanResult:
    """The answer to a form; with nothing asked, a tenth of the customers may be contacted.

    By uplift nobody is contacted whom that changes for the worse, and no share of hits is won: all of them are.

    Where every cut costs more than it brings, nobody is to be contacted, and that is the answer.
    """
    population, uplift = int(market.rows.sum()), isinstance(market, UpliftMarket)
    asked = {name: posted.get(name, "").strip() for name in _FIELDS}
    if uplift:
        asked["save_rate"] = ""
    asked["own_value"] = "1" if own_value else ""
    if not any(asked.values()):
        asked["capacity"] = str(max(population // 10, 1))
    words, broken = _words(asked, texts)
    if own_value and "value" in words:
        broken.append(texts["plan_one_value"])
    if broken:
        return PlanResult(asked, population, leaving, broken, uplift=uplift)
    capacity = words.pop("capacity", None)
    if isinstance(market, UpliftMarket):
        capacity = min(capacity or population, market.gaining)
        if not capacity:
            return PlanResult(asked, population, leaving, [texts["plan_nobody_gains"]], uplift=True)
    ask = Ask(None if capacity is None else int(capacity), **words, own_value=own_value)
    try:
        found = plan(market, ask)
    except PlanError:
        return PlanResult(asked, population, leaving, [texts["plan_none"]], uplift=uplift)
    cut = found.cut
    if cut.profit is not None and cut.profit <= 0:
        return PlanResult(asked, population, leaving, [texts["plan_nobody"]], uplift=uplift)
    saved = cut.hits * ask.save_rate if leaving and asked["save_rate"] else None
    cuts = sorted([cut, *found.neighbours], key=lambda one: one.rows)
    kind = "uplift" if uplift else "leavers" if leaving else "plan"
    called = texts[{"uplift": "uplift_hits", "leavers": "leavers", "plan": "hits"}[kind]]
    charts = plan_charts(market, ask, cut, texts, title=texts[f"{kind}_chart"], hits_called=called)
    return PlanResult(asked, population, leaving, [], cut, cut.rows * found.rate, saved, cuts, charts, uplift=uplift)


def _words(asked: Mapping[str, str], texts: Texts) -> tuple[dict[str, float], list[str]]:
    """The planner's words, and a sentence for every field that is wrong."""
    words: dict[str, float] = {}
    broken = []
    for name, (label, rule, low, high, unit) in _FIELDS.items():
        text = asked[name].replace(",", ".")
        if not text:
            continue
        value = _number(text)
        if low <= value <= high and (rule != "plan_whole" or value.is_integer()):
            words[name] = value / unit
        else:
            broken.append(texts.of("plan_broken", name=texts[label], rule=texts[rule]))
    if not broken and ("cost" in words) != ("value" in words or bool(asked.get("own_value"))):
        broken.append(texts["plan_both"])
    if not broken and words.keys() <= {"save_rate"}:
        broken.append(texts["plan_nothing"])
    return words, broken


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
