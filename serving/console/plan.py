"""The threshold planner's form and its answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from scoring.planner import Curve, Cut, Wish, best, cut
from serving.console.charts import Chart
from serving.console.drawings import plan_charts
from serving.console.words import Words

_MOST = 1_000_000_000
_AROUND = (-40, -20, -10, 0, 10, 20, 40)  # neighbouring cuts, in positions of the curve


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked, and what it brings; without a cut where nothing keeps the wish, or the form was wrong."""

    asked: Mapping[str, str]  # the form's fields as they stand
    most: int  # the test rows, where the sliders end
    broken: list[str] = field(default_factory=list)
    chosen: Cut | None = None
    cuts: list[Cut] = field(default_factory=list)  # the chosen one among its neighbours, largest last
    charts: list[Chart] = field(default_factory=list)


def plan(curve: Curve, posted: Mapping[str, str], say: Words) -> Plan:
    """The answer to a form; with nothing asked, a tenth of the customers may be contacted."""
    rows = int(curve.rows[-1])
    names = ("population", "capacity", "precision", "cost", "value")
    asked = {name: posted.get(name, "").strip() for name in names}
    if not any(asked.values()):
        asked |= {"population": str(rows), "capacity": str(max(rows // 10, 1))}
    wish, population, broken = _wish(asked, rows, say)
    if broken:
        return Plan(asked, rows, broken)
    position = best(curve, wish, population)
    if position is None:
        return Plan(asked, rows, [say["plan_none"]])
    chosen = cut(curve, position, wish, population)
    around = sorted({min(max(position + step, 0), len(curve.at) - 1) for step in _AROUND})
    return Plan(
        asked,
        rows,
        [],
        chosen,
        [cut(curve, at, wish, population) for at in around],
        plan_charts(curve, wish, chosen, population, say),
    )


def _wish(asked: Mapping[str, str], rows: int, say: Words) -> tuple[Wish, int, list[str]]:
    """The wish, the population, and a sentence for every field that is wrong."""
    broken: list[str] = []

    def number(name: str, label: str, rule: str, low: float, high: float, *, whole: bool = False) -> float | None:
        text = asked[name].replace(",", ".")
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high or (whole and not value.is_integer()):
            broken.append(say.of("plan_broken", name=say[label], rule=say[rule]))
            return None
        return value

    population = number("population", "population", "plan_whole", 1, _MOST, whole=True)
    capacity = number("capacity", "capacity", "plan_whole", 1, _MOST, whole=True)
    precision = number("precision", "least_precision", "plan_percent", 0, 100)
    cost = number("cost", "cost", "plan_not_negative", 0, _MOST)
    value = number("value", "hit_value", "plan_positive", 1e-9, _MOST)
    if not broken and (cost is None) != (value is None):
        broken.append(say["plan_both"])
    wish = Wish(
        capacity=None if capacity is None else int(capacity),
        precision=None if precision is None else precision / 100,
        cost=cost,
        value=value,
    )
    return wish, int(population or rows), broken
