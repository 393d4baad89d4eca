"""The point-in-time feature table of a log, as one Ibis expression.

The cutoff is an Ibis value: a literal in training and batches, the column `as_of` where the same expression is
compiled to SQL for raw events. All features are functions of an event's age at the cutoff, in microseconds; events
at or after the cutoff have no age and are never seen. Sums are of decimals or integers: exact, whatever the order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from features.columns.expressions import plural, slugs
from features.history.distinct_slugs import slugs_of_names
from features.history.encoded_log import EncodedLog
from features.point_in_time.aggregates import CUTOFF, DAY, CustomerAggregates, aggregate_events
from features.point_in_time.declared_counts import DeclaredCount
from features.point_in_time.feature_plan import FeaturePlan, Trait
from features.spec.feature import CUSTOMER_ID, Feature

_expected, _there = "__expected", "__there"
# Share of the cells expected of a customer's events and profile that are filled; 1 where none is expected.
COMPLETENESS = Feature("completeness", "number", "completeness", "share", lower=0.0, upper=1.0)


@dataclass(frozen=True, slots=True)
class Definition:
    """A feature and how it is computed from one customer's aggregated events."""

    feature: Feature
    value: Callable[[CustomerAggregates], ir.Value]


def feature_table(
    events: ir.Table | EncodedLog, cutoff: ir.Value, plan: FeaturePlan, profiles: ir.Table | None = None
) -> ir.Table:
    """One row per customer with any event before the cutoff: customer_id, then the plan's features in order.

    Free texts of profiles stand among them, as text: what is made of them depends on who learns.

    `profiles` are the traits known at the cutoff: customer_id, t0.., one row per customer.
    """
    if isinstance(events, EncodedLog):
        return _table(aggregate_events(events.events, cutoff, plan, events.codes), plan, profiles, events.with_ids)
    return _table(aggregate_events(events, cutoff, plan), plan, profiles)


def numbered_table(
    events: ir.Table, codes: Mapping[str, int], cutoff: ir.Value, plan: FeaturePlan, profiles: ir.Table | None
) -> ir.Table:
    """The same of encoded events, with customers as numbers in the events, the profiles and the table.

    Lists of the profiles are counted: what `list_counts` gives stands in `columns_of_list`.
    """
    return _table(aggregate_events(events, cutoff, plan, codes), plan, profiles)


def _table(
    log: CustomerAggregates,
    plan: FeaturePlan,
    profiles: ir.Table | None,
    with_ids: Callable[[ir.Table], ir.Table] = lambda table: table,
) -> ir.Table:
    values = {made.feature.name: made.value(log).cast(_storage(made.feature)) for made in definitions(plan)}
    expected, there = log.cells()
    table = log.rows.select(CUSTOMER_ID, CUTOFF, **values, **{_expected: expected, _there: there})
    table = with_ids(table)
    traits = plan.traits if profiles is not None else ()
    if profiles is not None and traits:
        known = profiles.rename(__who=CUSTOMER_ID)
        table = table.left_join(known, table[CUSTOMER_ID] == known["__who"])
    columns: dict[str, ir.Value] = {name: table[name] for name in (CUSTOMER_ID, *values)}
    columns[COMPLETENESS.name] = _completeness(table, [trait for trait in traits if trait.kind != "text"])
    for trait in traits:
        columns |= _of_trait(table, trait)
    return table.select(**columns)


def log_features(plan: FeaturePlan) -> tuple[Feature, ...]:
    """The features of a plan, in column order."""
    made = tuple(each.feature for each in definitions(plan))
    return (*made, COMPLETENESS, *(feature for trait in plan.traits for feature in trait.features))


def _completeness(table: ir.Table, traits: Sequence[Trait]) -> ir.Value:
    """Filled cells over expected ones; each trait but a text is a cell expected of every customer."""
    there, expected = table[_there], table[_expected] + len(traits)
    for trait in traits:
        there = there + table[trait.inside].notnull().ifelse(1, 0)
    return (there.cast("float64") / expected.nullif(0).cast("float64")).fill_null(1.0)


def _of_trait(joined: ir.Table, trait: Trait) -> dict[str, ir.Value]:
    cells = joined[trait.inside]
    if trait.kind == "text":
        return {trait.column: cells}
    first = trait.features[0]
    if trait.kind == "plain":
        return {first.name: cells}
    if trait.kind == "date":
        return {first.name: joined[CUTOFF].delta(cells, unit="microsecond").cast("float64") / DAY}
    counts = (
        [joined[name] for name in columns_of_list(trait)] if cells.type().is_integer() else list_counts(cells, trait)
    )
    return {feature.name: count for feature, count in zip(trait.features, counts, strict=True)}


def list_counts(cells: ir.Column, trait: Trait) -> list[ir.Value]:
    """How many entries a list has, then how many of each level; null where there is no list."""
    if trait.separator is not None:
        cells = cells.split(trait.separator).filter(lambda entry: slugs(entry).notnull())
    entries = cells.map(slugs)
    each = [entries.filter(lambda entry, level=level: entry == level).length() for level in trait.levels]
    return [cells.length(), *each]


def columns_of_list(trait: Trait) -> list[str]:
    """The columns of profiles whose lists are counted: the length in the place of the list, and one for each level."""
    return [trait.inside, *(f"{trait.inside}_{at}" for at in range(len(trait.levels)))]


def definitions(plan: FeaturePlan) -> list[Definition]:
    """Every feature of a plan, each name once."""
    made = [*_customer_wide(plan)]
    for kind in plan.types:
        made += _of_type(kind, plan)
    made += [*_money(plan), *_mailing_rates(plan), *_engagement(plan), *_levels(plan), *_measures(plan)]
    made += [*(_declared(count, at) for at, count in enumerate(plan.counts)), *_reactivity(plan)]
    return list({each.feature.name: each for each in reversed(made)}.values())[::-1]


def _storage(feature: Feature) -> str:
    return "int64" if feature.type == "integer" else "float64"


def _days(name: str, family: str, event: str | None = None) -> Feature:
    return Feature(name, "number", family, "days", lower=0.0, event=event)


def _share(name: str, event: str, short: int, longest: int) -> Feature:
    """The share of the longest window's events that fall in the short one, whose days are its subject."""
    return Feature(
        name, "number", "trend", "share", lower=0.0, upper=1.0, event=event, window_days=longest, subject=str(short)
    )


def _customer_wide(plan: FeaturePlan) -> Iterator[Definition]:
    n = plan.observation
    yield Definition(_days("tenure_days", "tenure"), CustomerAggregates.oldest)
    yield Definition(
        Feature(f"active_days_{n}d", "integer", "activity", "days", lower=0.0, window_days=n),
        CustomerAggregates.active_days,
    )
    yield Definition(
        # 1 just after an event of any kind, 1/2 one observation window later, towards 0 from there.
        Feature("freshness", "number", "freshness", "share", lower=0.0, upper=1.0),
        lambda log: n / (n + log.days_since(None)),
    )


def _of_type(kind: str, plan: FeaturePlan) -> Iterator[Definition]:
    many = plural(kind)
    yield Definition(_days(f"days_since_{kind}", "recency", event=kind), lambda log: log.days_since(kind))
    for days in (*plan.windows, None):
        yield _count(f"{many}_{_span(days)}", "frequency", many, kind, days)
    if len(plan.types) > 1:
        for days in plan.windows:
            yield _active_days(kind, days)
    yield from _rhythm(kind, plan)


def _span(days: int | None) -> str:
    return "total" if days is None else f"{days}d"


def _count(name: str, family: str, unit: str, kind: str, days: int | None) -> Definition:
    feature = Feature(name, "integer", family, unit, lower=0.0, event=kind, window_days=days)
    return Definition(feature, lambda log: log.count(kind, days))


def _active_days(kind: str, days: int) -> Definition:
    feature = Feature(f"{kind}_days_{days}d", "integer", "activity", "days", lower=0.0, event=kind, window_days=days)
    return Definition(feature, lambda log: log.days(kind, days))


def _rhythm(kind: str, plan: FeaturePlan) -> Iterator[Definition]:
    """Gaps between events and their spread; how overdue the next one is; the short window against the longest."""
    regular = "regularity"
    yield Definition(_days(f"{kind}_gap_mean_days", regular, event=kind), lambda log: log.gap_mean(kind))
    yield Definition(_days(f"{kind}_gap_sd_days", regular, event=kind), lambda log: log.gap_sd(kind))
    yield Definition(
        Feature(f"{kind}_recency_over_gap", "number", regular, lower=0.0, event=kind),
        lambda log: log.days_since(kind) / log.gap_mean(kind).nullif(0.0),
    )
    short, longest = (30 if plan.observation > 30 else plan.windows[0]), plan.observation
    if short < longest:
        yield Definition(
            _share(f"{plural(kind)}_{short}d_share", kind, short, longest),
            lambda log: log.count(kind, short).cast("float64") / log.count(kind, longest).cast("float64").nullif(0.0),
        )


def _money(plan: FeaturePlan) -> Iterator[Definition]:
    """Net amounts; per type too where several types carry amounts; the mean basket of the label event; refunds."""
    unit = plan.currency
    if plan.amounts:
        for days in (*plan.windows, None):
            yield _net(f"monetary_{_span(days)}", None, days, unit)
    if len(plan.amounts) > 1:
        for kind in plan.amounts:
            for days in plan.windows:
                yield _net(f"{kind}_amount_{days}d", kind, days, unit)
    if plan.label in plan.amounts:
        yield Definition(
            Feature("average_basket", "number", "basket", unit, lower=0.0, event=plan.label),
            lambda log: log.basket(plan.label),
        )
    if plan.usual is not None:
        n = plan.observation
        unusual = Feature(f"unusual_amounts_{n}d", "integer", "outlier", lower=0.0, window_days=n)
        yield Definition(unusual, CustomerAggregates.unusual)
    if plan.refunds:
        for days in (*plan.windows, None):
            yield _refunds(days)


def _net(name: str, kind: str | None, days: int | None, unit: str | None) -> Definition:
    feature = Feature(name, "number", "monetary", unit, event=kind, window_days=days)
    return Definition(feature, lambda log: log.net(kind, days))


def _refunds(days: int | None) -> Definition:
    feature = Feature(f"refunds_{_span(days)}", "integer", "refund", "refunds", lower=0.0, window_days=days)
    return Definition(feature, lambda log: log.refunds(days))


def _mailing_rates(plan: FeaturePlan) -> Iterator[Definition]:
    """Opens per send, clicks per send, clicks per open; null where there was nothing to open or to click."""
    steps = plan.mailing()
    for name, part, whole in (
        ("open_rate", "open", "send"),
        ("click_rate", "click", "send"),
        ("clicks_per_open", "click", "open"),
    ):
        if part in steps and whole in steps:
            for days in plan.windows:
                yield _rate(f"{name}_{days}d", steps[part], steps[whole], days)


def _rate(name: str, part: str, whole: str, days: int) -> Definition:
    return Definition(
        Feature(name, "number", "engagement", lower=0.0, event=part, window_days=days),
        lambda log: log.count(part, days).cast("float64") / log.count(whole, days).cast("float64").nullif(0.0),
    )


def _engagement(plan: FeaturePlan) -> Iterator[Definition]:
    """The declared weights times the counts, per window."""
    if plan.engagement:
        for days in plan.windows:
            yield _weighted_counts(plan, days)


def _weighted_counts(plan: FeaturePlan, days: int) -> Definition:
    def value(log: CustomerAggregates) -> ir.Value:
        total: ir.Value = ibis.literal(0.0)
        for kind, weight in plan.engagement:
            total = total + log.count(kind, days).cast("float64") * float(weight)
        return total

    return Definition(Feature(f"engagement_{days}d", "number", "engagement", "points", window_days=days), value)


def _levels(plan: FeaturePlan) -> Iterator[Definition]:
    for at in range(len(plan.levels)):
        yield _level(plan, at)


def _level(plan: FeaturePlan, at: int) -> Definition:
    days, (kind, name, level) = plan.observation, plan.levels[at]
    return Definition(
        Feature(
            f"{plural(kind)}_{slugs_of_names(plan.properties)[name]}_{level}_{days}d",
            "integer",
            "property",
            plural(kind),
            lower=0.0,
            event=kind,
            window_days=days,
            subject=f"{name}: {level}",
        ),
        lambda log: log.level(at),
    )


def _declared(count: DeclaredCount, at: int) -> Definition:
    return Definition(count.feature, lambda log: log.declared(at))


def _reactivity(plan: FeaturePlan) -> Iterator[Definition]:
    if (declared := plan.reactivity) is not None:
        yield Definition(declared.share, lambda log: log.answered_share(declared))
        yield Definition(declared.median, CustomerAggregates.median_hours)


def _measures(plan: FeaturePlan) -> Iterator[Definition]:
    for index, (name, word) in enumerate(slugs_of_names(plan.measures).items()):
        for days in plan.windows:
            yield _measured(name, word, index, days, mean=False)
            yield _measured(name, word, index, days, mean=True)


def _measured(name: str, word: str, at: int, days: int, *, mean: bool) -> Definition:
    kind = "mean" if mean else "sum"
    feature = Feature(f"{word}_{kind}_{days}d", "number", "measure", window_days=days, subject=name)
    return Definition(
        feature,
        lambda log: log.measure_mean(at, days) if mean else log.measure(at, days),
    )
