"""The point-in-time feature table of a log, as one Ibis expression.

The cutoff is an Ibis value: a literal in training and batches, the column `as_of` where the same expression is
compiled to SQL for raw events. All features are functions of an event's age at the cutoff, in microseconds; events
at or after the cutoff have no age and are never seen. Sums are of decimals or integers: exact, whatever the order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from features.cells import plural, slug, slugs
from features.layout import Layout, Trait
from features.types import CUSTOMER_ID, Feature

_day = 86_400_000_000  # microseconds
_expected, _there, _cutoff = "__expected", "__there", "__cutoff"
# Share of the cells expected of a customer's events and profile that are filled; 1 where none is expected.
COMPLETENESS = Feature("completeness", "number", "completeness", "share", lower=0.0, upper=1.0)


@dataclass(frozen=True)
class Aged:
    """Events before the cutoff with `age` (microseconds, > 0), netted amounts, and their place among their like."""

    rows: ir.Table
    layout: Layout

    def of(self, kind: str | None, days: int | None = None) -> ir.BooleanValue:
        """Events of a type (None: of any), refunds apart, in a window [cutoff - days, cutoff)."""
        mask = ibis.literal(True) if kind is None else (self.rows.type == kind) & ~self.rows.refund
        return mask if days is None else mask & (self.rows.age <= days * _day)

    def count(self, mask: ir.BooleanValue) -> ir.Value:
        """How many; 0 where there is none."""
        return self.rows.count(where=mask)

    def sum(self, column: str, mask: ir.BooleanValue) -> ir.Value:
        """The exact sum as a double; 0 where there is none."""
        return self.rows[column].sum(where=mask).cast("float64").fill_null(0.0)

    def mean(self, column: str, mask: ir.BooleanValue) -> ir.Value:
        """The exact sum over the count; null where there is none."""
        total = self.rows[column].sum(where=mask).cast("float64")
        return total / self.rows[column].count(where=mask).cast("float64").nullif(0.0)

    def days_since(self, mask: ir.BooleanValue) -> ir.Value:
        """Days from the latest event to the cutoff; null where there is none."""
        return self.rows.age.min(where=mask).cast("float64") / _day

    def gap_mean(self, mask: ir.BooleanValue) -> ir.Value:
        """Mean days between consecutive events; null below two events."""
        span = (self.rows.age.max(where=mask) - self.rows.age.min(where=mask)).cast("float64")
        return span / (self.count(mask) - 1).nullif(0).cast("float64") / _day

    def gap_sd(self, mask: ir.BooleanValue) -> ir.Value:
        """Sample standard deviation of the days between consecutive events, to the second; null below two gaps.

        From exact sums: sqrt((sum of squares - square of the sum / n) / (n - 1)).
        """
        gaps = self.rows.gap
        n = gaps.count(where=mask).cast("float64")
        total = gaps.sum(where=mask).cast("float64")
        wide = gaps.cast("decimal(19, 0)")  # the square of 32 years does not fit 18 digits
        square = (wide * wide).sum(where=mask).cast("float64")
        variance = ibis.greatest((square - total * total / n.nullif(0.0)) / (n - 1).nullif(0.0), 0.0)
        spread = ibis.ifelse(gaps.max(where=mask) == gaps.min(where=mask), 0.0, variance.sqrt() / 86_400.0)
        return ibis.ifelse(n >= 2, spread, ibis.null("float64"))

    def cells(self) -> tuple[ir.Value, ir.Value]:
        """How many cells are expected of a customer's events before the cutoff, and how many are filled.

        Expected are the amount, of types that carry one, and every property and measure.
        """
        rows, layout = self.rows, self.layout
        columns = [f"p{i}" for i in range(len(layout.properties))] + [f"m{i}" for i in range(len(layout.measures))]
        paid = rows.type.isin(layout.amounts) if layout.amounts else ibis.literal(False)
        expected = rows.count() * len(columns) + rows.count(where=paid)
        there = rows.count(where=paid & rows.amount.notnull())
        for column in columns:
            there = there + rows[column].count()
        return expected, there


@dataclass(frozen=True, slots=True)
class Definition:
    """A feature and how it is computed from one customer's aged events."""

    feature: Feature
    value: Callable[[Aged], ir.Value]


def feature_table(events: ir.Table, cutoff: ir.Value, layout: Layout, profiles: ir.Table | None = None) -> ir.Table:
    """One row per customer with any event before the cutoff: customer_id, then the layout's features in order.

    `profiles` are the traits known at the cutoff: customer_id, t0.., one row per customer.
    """
    aged = Aged(_aged(events, cutoff), layout)
    values = {made.feature.name: made.value(aged).cast(_storage(made.feature)) for made in definitions(layout)}
    expected, there = aged.cells()
    table = aged.rows.group_by(CUSTOMER_ID).aggregate(
        **values, **{_expected: expected, _there: there, _cutoff: aged.rows[_cutoff].max()}
    )
    traits = layout.traits if profiles is not None else ()
    if profiles is not None and traits:
        known = profiles.rename(__who=CUSTOMER_ID)
        table = table.left_join(known, table[CUSTOMER_ID] == known["__who"])
    columns = {name: table[name] for name in (CUSTOMER_ID, *values)}
    columns[COMPLETENESS.name] = _completeness(table, traits)
    for trait in traits:
        columns |= _of_trait(table, trait)
    return table.select(**columns)


def log_features(layout: Layout) -> tuple[Feature, ...]:
    """The features of a layout, in column order."""
    made = tuple(each.feature for each in definitions(layout))
    return (*made, COMPLETENESS, *(feature for trait in layout.traits for feature in trait.features))


def _completeness(table: ir.Table, traits: Sequence[Trait]) -> ir.Value:
    """Filled cells over expected ones; each trait is a cell expected of every customer."""
    there, expected = table[_there], table[_expected] + len(traits)
    for trait in traits:
        there = there + table[trait.inside].notnull().ifelse(1, 0)
    return (there.cast("float64") / expected.nullif(0).cast("float64")).fill_null(1.0)


def _of_trait(joined: ir.Table, trait: Trait) -> dict[str, ir.Value]:
    cells, first = joined[trait.inside], trait.features[0]
    if trait.kind == "plain":
        return {first.name: cells}
    if trait.kind == "date":
        return {first.name: joined[_cutoff].delta(cells, unit="microsecond").cast("float64") / _day}
    entries = cells.map(slugs)
    counts = {
        feature.name: entries.filter(lambda entry, level=level: entry == level).length()
        for feature, level in zip(trait.features[1:], trait.levels, strict=True)
    }
    return {first.name: cells.length(), **counts}


def definitions(layout: Layout) -> list[Definition]:
    """Every feature of a layout, each name once."""
    made = [*_of_customers(layout)]
    for kind in layout.types:
        made += _of_type(kind, layout)
    made += [*_money(layout), *_mailings(layout), *_engagement(layout), *_levels(layout), *_measures(layout)]
    return list({each.feature.name: each for each in reversed(made)}.values())[::-1]


def _storage(feature: Feature) -> str:
    return "int64" if feature.type == "integer" else "float64"


def _aged(events: ir.Table, cutoff: ir.Value) -> ir.Table:
    """Events before the cutoff with age, netted amount, gap to the next one of the type, first-of-its-day flags."""
    refund = events.refund.fill_null(False) | (events.amount < 0).fill_null(False)
    aged = events.filter(events.ts < cutoff).mutate(
        age=cutoff.delta(events.ts, unit="microsecond"),
        __cutoff=cutoff,
        day=events.ts.date(),
        refund=refund,
        amount=ibis.ifelse(refund, -events.amount.abs(), events.amount),
    )
    alike = ibis.window(group_by=[aged.customer_id, aged.type, aged.refund], order_by=aged.age)
    anyone = ibis.window(group_by=aged.customer_id, order_by=aged.age)
    day, any_day = aged.day.lag().over(alike), aged.day.lag().over(anyone)
    return aged.mutate(
        gap=((aged.age - aged.age.lag().over(alike)) // 1_000_000).cast("decimal(18, 0)"),  # seconds
        new_day=day.isnull() | (day != aged.day),
        any_new_day=any_day.isnull() | (any_day != aged.day),
    )


def _days(name: str, family: str, event: str | None = None) -> Feature:
    return Feature(name, "number", family, "days", lower=0.0, event=event)


def _share(name: str, event: str, short: int, longest: int) -> Feature:
    """The share of the longest window's events that fall in the short one, whose days are its subject."""
    return Feature(
        name, "number", "trend", "share", lower=0.0, upper=1.0, event=event, window_days=longest, subject=str(short)
    )


def _of_customers(layout: Layout) -> Iterator[Definition]:
    n = layout.observation
    yield Definition(_days("tenure_days", "tenure"), lambda log: log.rows.age.max().cast("float64") / _day)
    yield Definition(
        Feature(f"active_days_{n}d", "integer", "activity", "days", lower=0.0, window_days=n),
        lambda log: log.count(log.of(None, n) & log.rows.any_new_day),
    )
    yield Definition(
        # 1 just after an event of any kind, 1/2 one observation window later, towards 0 from there.
        Feature("freshness", "number", "freshness", "share", lower=0.0, upper=1.0),
        lambda log: n / (n + log.days_since(log.of(None))),
    )


def _of_type(kind: str, layout: Layout) -> Iterator[Definition]:
    many = plural(kind)
    yield Definition(_days(f"days_since_{kind}", "recency", event=kind), lambda log: log.days_since(log.of(kind)))
    for days in (*layout.windows, None):
        yield _count(f"{many}_{_span(days)}", "frequency", many, kind, days)
    if len(layout.types) > 1:
        for days in layout.windows:
            yield _active_days(kind, days)
    yield from _rhythm(kind, layout)


def _span(days: int | None) -> str:
    return "total" if days is None else f"{days}d"


def _count(name: str, family: str, unit: str, kind: str, days: int | None) -> Definition:
    feature = Feature(name, "integer", family, unit, lower=0.0, event=kind, window_days=days)
    return Definition(feature, lambda log: log.count(log.of(kind, days)))


def _active_days(kind: str, days: int) -> Definition:
    feature = Feature(f"{kind}_days_{days}d", "integer", "activity", "days", lower=0.0, event=kind, window_days=days)
    return Definition(feature, lambda log: log.count(log.of(kind, days) & log.rows.new_day))


def _rhythm(kind: str, layout: Layout) -> Iterator[Definition]:
    """Gaps between events and their spread; how overdue the next one is; the short window against the longest."""
    regular = "regularity"
    yield Definition(_days(f"{kind}_gap_mean_days", regular, event=kind), lambda log: log.gap_mean(log.of(kind)))
    yield Definition(_days(f"{kind}_gap_sd_days", regular, event=kind), lambda log: log.gap_sd(log.of(kind)))
    yield Definition(
        Feature(f"{kind}_recency_over_gap", "number", regular, lower=0.0, event=kind),
        lambda log: log.days_since(log.of(kind)) / log.gap_mean(log.of(kind)).nullif(0.0),
    )
    short, longest = (30 if layout.observation > 30 else layout.windows[0]), layout.observation
    if short < longest:
        yield Definition(
            _share(f"{plural(kind)}_{short}d_share", kind, short, longest),
            lambda log: (
                log.count(log.of(kind, short)).cast("float64")
                / log.count(log.of(kind, longest)).cast("float64").nullif(0.0)
            ),
        )


def _money(layout: Layout) -> Iterator[Definition]:
    """Net amounts; per type too where several types carry amounts; the mean basket of the label event; refunds."""
    unit = layout.currency
    if layout.amounts:
        for days in (*layout.windows, None):
            yield _net(f"monetary_{_span(days)}", None, days, unit)
    if len(layout.amounts) > 1:
        for kind in layout.amounts:
            for days in layout.windows:
                yield _net(f"{kind}_amount_{days}d", kind, days, unit)
    if layout.label in layout.amounts:
        yield Definition(
            Feature("average_basket", "number", "basket", unit, lower=0.0, event=layout.label),
            lambda log: log.mean("amount", log.of(layout.label)),
        )
    if layout.refunds:
        for days in (*layout.windows, None):
            yield _refunds(days)


def _net(name: str, kind: str | None, days: int | None, unit: str | None) -> Definition:
    feature = Feature(name, "number", "monetary", unit, event=kind, window_days=days)
    return Definition(feature, lambda log: log.sum("amount", log.of(kind, days)))


def _refunds(days: int | None) -> Definition:
    feature = Feature(f"refunds_{_span(days)}", "integer", "refund", "refunds", lower=0.0, window_days=days)
    return Definition(feature, lambda log: log.count(log.of(None, days) & log.rows.refund))


def _mailings(layout: Layout) -> Iterator[Definition]:
    """Opens per send, clicks per send, clicks per open; null where there was nothing to open or to click."""
    steps = layout.mailing()
    for name, part, whole in (
        ("open_rate", "open", "send"),
        ("click_rate", "click", "send"),
        ("clicks_per_open", "click", "open"),
    ):
        if part in steps and whole in steps:
            for days in layout.windows:
                yield _rate(f"{name}_{days}d", steps[part], steps[whole], days)


def _rate(name: str, part: str, whole: str, days: int) -> Definition:
    return Definition(
        Feature(name, "number", "engagement", lower=0.0, event=part, window_days=days),
        lambda log: (
            log.count(log.of(part, days)).cast("float64") / log.count(log.of(whole, days)).cast("float64").nullif(0.0)
        ),
    )


def _engagement(layout: Layout) -> Iterator[Definition]:
    """The declared weights times the counts, per window."""
    if layout.engagement:
        for days in layout.windows:
            yield _engaged(layout, days)


def _engaged(layout: Layout, days: int) -> Definition:
    def value(log: Aged) -> ir.Value:
        total: ir.Value = ibis.literal(0.0)
        for kind, weight in layout.engagement:
            total = total + log.count(log.of(kind, days)).cast("float64") * float(weight)
        return total

    return Definition(Feature(f"engagement_{days}d", "number", "engagement", "points", window_days=days), value)


def _levels(layout: Layout) -> Iterator[Definition]:
    for kind, name, level in layout.levels:
        yield _level(layout, kind, name, level)


def _level(layout: Layout, kind: str, name: str, level: str) -> Definition:
    days, column = layout.observation, f"p{layout.properties.index(name)}"
    return Definition(
        Feature(
            f"{plural(kind)}_{slug(name)}_{level}_{days}d",
            "integer",
            "property",
            plural(kind),
            lower=0.0,
            event=kind,
            window_days=days,
            subject=f"{name}: {level}",
        ),
        lambda log: log.count(log.of(kind, days) & (log.rows[column] == level)),
    )


def _measures(layout: Layout) -> Iterator[Definition]:
    for index, name in enumerate(layout.measures):
        for days in layout.windows:
            yield _measured(name, f"m{index}", days, mean=False)
            yield _measured(name, f"m{index}", days, mean=True)


def _measured(name: str, column: str, days: int, *, mean: bool) -> Definition:
    kind = "mean" if mean else "sum"
    feature = Feature(f"{slug(name)}_{kind}_{days}d", "number", "measure", window_days=days, subject=name)
    return Definition(
        feature,
        lambda log: log.mean(column, log.of(None, days)) if mean else log.sum(column, log.of(None, days)),
    )
