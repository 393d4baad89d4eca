"""A model's curves as charts: ROC, gain, lift, calibration, and what a plan brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.manifest import Tenth
from scoring.models.threshold_planner import Ask, Cut, Plannable, profits
from serving.console.charts.curves import Curve, Curves
from serving.console.charts.svg import Axes, Chart, Dot
from serving.console.web.i18n import Texts

_UNIT = Axes(0.0, 1.0, 0.0, 1.0)
CUTS = 300  # most cuts a drawing of a plan shows


def model_charts(curves: Curves, kind: str, texts: Texts) -> list[Chart]:
    """ROC, gain and lift of the model and of its baselines on the same test rows."""
    everyone = {texts.named(kind): curves.served, **{texts.named(name): curve for name, curve in curves.beside.items()}}
    chance = _UNIT.line(texts["by_chance"], "chance", (0, 1), (0, 1))
    roc = [_UNIT.line(name, _style(rank), *roc_points(curve)) for rank, (name, curve) in enumerate(everyone.items())]
    gain = [_UNIT.line(name, _style(rank), *gain_points(curve)) for rank, (name, curve) in enumerate(everyone.items())]
    share = _percents(texts)
    ticks = _UNIT.ticks(share, share)
    return [
        Chart(texts["roc"], texts["false_positives"], texts["true_positives"], [*roc, chance], *ticks),
        Chart(texts["gain"], texts["contacted"], texts["found"], [*gain, chance], *ticks),
        _lift(everyone, texts),
    ]


def _lift(everyone: Mapping[str, Curve], texts: Texts) -> Chart:
    points = {name: lift_points(curve) for name, curve in everyone.items()}
    highest = max(float(np.max(y)) for _, y in points.values())
    axes = Axes(0.0, 1.0, 0.0, max(highest * 1.05, 1.2))
    lines = [axes.line(name, _style(rank), x, y) for rank, (name, (x, y)) in enumerate(points.items())]
    lines.append(axes.line(texts["by_chance"], "chance", (0, 1), (1, 1)))
    return Chart(
        texts["lift"], texts["contacted"], texts["over_chance"], lines, *axes.ticks(_percents(texts), texts.number)
    )


def calibration_chart(tenths: Sequence[Tenth], texts: Texts) -> Chart:
    """Realised against predicted, by tenth of the test rows."""
    highest = max(max(tenth.predicted, tenth.high) for tenth in tenths)
    axes = Axes(0.0, highest * 1.03, 0.0, highest * 1.03)
    dots = [Dot(axes.x(t.predicted), axes.y(t.realised), axes.y(t.low), axes.y(t.high)) for t in tenths]
    line = axes.line(texts["perfect"], "chance", (0, highest), (0, highest))
    share = _percents(texts)
    up = f"{texts['realised']} ({texts['interval_90']})"
    return Chart(texts["calibration"], texts["predicted"], up, [line], *axes.ticks(share, share), dots=dots)


def plan_charts(market: Plannable, ask: Ask, cut: Cut, texts: Texts, *, title: str, hits_called: str) -> list[Chart]:
    """Expected hits, as they are called, by the number of contacts; the profit where it is asked; the cut marked."""
    rows, hits, low, high = (_from_nobody(market.cuts[name]) for name in ("rows", "hits", "hits_low", "hits_high"))
    axes = Axes(0.0, float(rows[-1]), min(float(low.min()), float(hits.min()), 0.0), float(high.max()) * 1.03)
    lines = [
        axes.line(texts["this_model"], "served", rows, hits),
        axes.line(texts["by_chance"], "chance", (0, rows[-1]), (0, hits[-1])),
    ]
    mark = (axes.x(cut.rows), axes.y(cut.hits))
    whole = axes.ticks(texts.number, texts.number)
    area = axes.area(rows, low, high)
    drawn = [Chart(title, texts["contacts"], hits_called, lines, *whole, mark=mark, area=area)]
    earned = profits(market, ask)
    if earned is not None and cut.profit is not None:
        profit = _from_nobody(earned)
        axes = Axes(0.0, float(rows[-1]), min(float(profit.min()), 0.0), max(float(profit.max()), 0.0) * 1.05 or 1.0)
        lines = [
            axes.line(texts["profit"], "served", rows, profit),
            axes.line("0", "chance", (0, rows[-1]), (0, 0)),
        ]
        mark = (axes.x(cut.rows), axes.y(cut.profit))
        ticks = axes.ticks(texts.number, texts.number)
        drawn.append(Chart(texts["profit_chart"], texts["contacts"], texts["profit"], lines, *ticks, mark=mark))
    return drawn


def _from_nobody(amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Amounts cut by cut, from nobody contacted on; so many cuts as a drawing can show."""
    kept = np.unique(np.linspace(0, len(amounts) - 1, CUTS).astype(int))
    drawn: NDArray[np.float64] = np.r_[0.0, amounts[kept]]
    return drawn


def roc_points(curve: Curve) -> tuple[list[float], list[float]]:
    """False against true positive rate, from nobody to everybody."""
    misses = curve.rows - curve.hits
    return [0.0, *(misses / misses[-1]).tolist()], [0.0, *(curve.hits / curve.hits[-1]).tolist()]


def gain_points(curve: Curve) -> tuple[list[float], list[float]]:
    """Share of rows against share of outcomes found."""
    return [0.0, *(curve.rows / curve.rows[-1]).tolist()], [0.0, *(curve.hits / curve.hits[-1]).tolist()]


def lift_points(curve: Curve) -> tuple[list[float], list[float]]:
    """Share of rows against gain over chance, from the first hundredth on: above it chance alone speaks."""
    seen = curve.rows >= curve.rows[-1] / 100
    return (curve.rows / curve.rows[-1])[seen].tolist(), (curve.precision / curve.base_rate)[seen].tolist()


def by_tenths(curve: Curve) -> list[dict[str, float]]:
    """The curves at ten places: contacted, found, lift, and the two rates of the ROC."""
    rows = []
    shares, found = gain_points(curve)
    misses, _ = roc_points(curve)
    for tenth in range(1, 11):
        share = tenth / 10
        hit = float(np.interp(share, shares, found))
        miss = float(np.interp(share, shares, misses))
        rows.append({"contacted": share, "found": hit, "lift": hit / share, "false": miss})
    return rows


def _style(rank: int) -> str:
    return "served" if rank == 0 else f"beside-{(rank - 1) % 3 + 1}"


def _percents(texts: Texts) -> Any:
    return lambda share: texts.percent(share, 0)
