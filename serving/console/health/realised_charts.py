"""How good scores turned out to be, day by day: the rate against what was predicted, and the ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from scoring.health.matured_windows import MaturedWindow
from serving.console.charts.svg import Axes, Chart, Format
from serving.console.web.i18n import Texts

MOST_DRAWN = 120  # days of a drawing; of more every second, third, ... is drawn, and always the last
_SHORT = 120  # days, up to which an axis names days in place of months


@dataclass(frozen=True, slots=True)
class RealisedDay:
    """A day whose outcome is known, with what was predicted of its customers; figures they do not allow are None."""

    date: str  # ISO
    version: str
    rows: int
    predicted: float | None
    realised: float | None
    rate_low: float | None
    rate_high: float | None
    roc_auc: float | None
    auc_low: float | None
    auc_high: float | None


def realised_days(windows: Sequence[MaturedWindow]) -> list[RealisedDay]:
    """A line a day, the earliest first: of several versions of a day the one that scored most."""
    most: dict[str, MaturedWindow] = {}
    for window in windows:
        day = window.as_of[:10]
        if day not in most or window.measured.rows > most[day].measured.rows:
            most[day] = window
    return [_day_of(window) for _, window in sorted(most.items())]


def _day_of(window: MaturedWindow) -> RealisedDay:
    measured = window.measured
    rate, area = measured.intervals.get("rate", (None, None)), measured.intervals.get("roc_auc", (None, None))
    return RealisedDay(
        date=window.as_of[:10],
        version=window.version,
        rows=measured.rows,
        predicted=window.predicted,
        realised=window.realised,
        rate_low=rate[0],
        rate_high=rate[1],
        roc_auc=measured.roc_auc,
        auc_low=area[0],
        auc_high=area[1],
    )


def realised_charts(days: Sequence[RealisedDay], texts: Texts) -> list[Chart]:
    """The rate against what was predicted, and the area under the curve; none where two days are not known yet."""
    rates = [day for day in days if None not in (day.predicted, day.realised, day.rate_low, day.rate_high)]
    areas = [day for day in days if None not in (day.roc_auc, day.auc_low, day.auc_high)]
    drawn = []
    if len(rates) > 1:
        lines = {"realised": _values(rates, "realised"), "predicted": _values(rates, "predicted")}
        bounds = _values(rates, "rate_low"), _values(rates, "rate_high")
        drawn.append(_chart("health_rates", rates, lines, bounds, texts, lambda share: texts.percent(share, 1)))
    if len(areas) > 1:
        bounds = _values(areas, "auc_low"), _values(areas, "auc_high")
        lines = {"realised": _values(areas, "roc_auc")}
        drawn.append(_chart("health_areas", areas, lines, bounds, texts, lambda area: texts.number(area, 2)))
    return drawn


def _chart(
    title: str,
    days: Sequence[RealisedDay],
    lines: dict[str, list[float]],
    bounds: tuple[list[float], list[float]],
    texts: Texts,
    shown: Format,
) -> Chart:
    """Curves over days with the interval of the first one."""
    step = -(-len(days) // MOST_DRAWN)
    kept = range((len(days) - 1) % step, len(days), step)
    across = [float(date.fromisoformat(days[at].date).toordinal()) for at in kept]
    low, high = ([values[at] for at in kept] for values in bounds)
    curves = {name: [values[at] for at in kept] for name, values in lines.items()}
    every = [*low, *high, *(value for curve in curves.values() for value in curve)]
    least, most = min(every), max(every)
    room = (most - least) * 0.08 or 0.01
    axes = Axes(across[0], across[-1], least - room, most + room)
    drawn = zip(("served", "beside-1"), curves.items(), strict=False)  # one curve or two
    return Chart(
        texts[title],
        texts["day"],
        f"{texts[title]} ({texts['interval_95']})",
        [axes.line(texts[name], style, across, curve) for style, (name, curve) in drawn],
        *axes.ticks(_day_format(across[-1] - across[0]), shown),
        area=axes.area(across, low, high),
    )


def _values(days: Sequence[RealisedDay], name: str) -> list[float]:
    return [float(getattr(day, name)) for day in days]


def _day_format(span: float) -> Format:
    """How an axis names a day: by day and month, or by month and year."""
    form = "%d.%m." if span <= _SHORT else "%m/%Y"
    return lambda day: date.fromordinal(int(day)).strftime(form)
