"""A customer's events before the cutoff, taken together by type; then each feature from those few rows.

Most of the work of a feature table is to add up every event in every window. Done once for each customer, type and
whether it is a refund, instead of once for each type's own features, it costs a third.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from features.columns.expressions import AMOUNT
from features.history.orders import ORDER_ID, merge_orders
from features.point_in_time.declared_counts import column_of, count_events, with_fits
from features.point_in_time.feature_plan import FeaturePlan
from features.point_in_time.reactivity import ANSWERED, HOUR, MEDIAN, PRIOR, SENDS, DeclaredReactivity, count_answers
from features.spec.feature import CUSTOMER_ID

DAY = 86_400_000_000  # microseconds
CUTOFF = "__cutoff"
_NONE = -1  # no type's code


@dataclass(frozen=True)
class CustomerAggregates:
    """One row a customer: what `_by_type` gives of each type without refunds side by side, and of all events.

    A `kind` of None means events of any type, refunds too; else those of the type, without refunds. `days` is the
    window [cutoff - days, cutoff), None the whole log before the cutoff.
    """

    rows: ir.Table
    plan: FeaturePlan

    def count(self, kind: str, days: int | None = None) -> ir.Value:
        """How many events; 0 where there is none."""
        return self._of(kind, f"n_{days}").fill_null(0)

    def days(self, kind: str, days: int) -> ir.Value:
        """On how many days there are events."""
        return self._of(kind, f"days_{days}").fill_null(0)

    def active_days(self) -> ir.Value:
        """On how many days of the longest window there is an event of any type."""
        return self.rows.any_days.fill_null(0)

    def refunds(self, days: int | None) -> ir.Value:
        """How many refunds; 0 where there is none."""
        return _whole(self.rows[f"refunds_{days}"]).fill_null(0)

    def net(self, kind: str | None, days: int | None) -> ir.Value:
        """The exact sum of amounts as a double; 0 where there is none."""
        total = self.rows[f"amount_{days}"] if kind is None else self._of(kind, f"amount_{days}")
        return total.cast("float64").fill_null(0.0)

    def basket(self, kind: str) -> ir.Value:
        """The exact mean amount; null where there is none."""
        return self._of(kind, "amount_None").cast("float64") / self._of(kind, "paid").cast("float64").nullif(0.0)

    def oldest(self) -> ir.Value:
        """Days from the first event to the cutoff."""
        return self.rows.oldest.cast("float64") / DAY

    def days_since(self, kind: str | None) -> ir.Value:
        """Days from the latest event to the cutoff; null where there is none."""
        latest = self.rows.newest if kind is None else self._of(kind, "newest")
        return latest.cast("float64") / DAY

    def gap_mean(self, kind: str) -> ir.Value:
        """Mean days between consecutive events; null below two events."""
        return self._of(kind, "gap_mean")

    def gap_sd(self, kind: str) -> ir.Value:
        """Sample standard deviation of the days between consecutive events, to the second; null below two gaps."""
        return self._of(kind, "gap_sd")

    def level(self, position: int) -> ir.Value:
        """How many events of the longest window have the type and the level at a position of the plan's levels."""
        return self._of(self.plan.levels[position][0], f"level_{position}").fill_null(0)

    def unusual(self) -> ir.Value:
        """How many events of the longest window, refunds apart, have an amount that is an outlier."""
        return _whole(self.rows.unusual).fill_null(0)

    def measure(self, position: int, days: int) -> ir.Value:
        """The exact sum of a measure as a double; 0 where there is none."""
        return self.rows[f"m{position}_{days}"].cast("float64").fill_null(0.0)

    def measure_mean(self, position: int, days: int) -> ir.Value:
        """The exact mean of a measure; null where there is none."""
        there = self.rows[f"m{position}n_{days}"].cast("float64")
        return self.rows[f"m{position}_{days}"].cast("float64") / there.nullif(0.0)

    def declared(self, position: int) -> ir.Value:
        """How many events the declared count at a position counts."""
        return self.rows[column_of(position)].fill_null(0)

    def answered_share(self, declared: DeclaredReactivity) -> ir.Value:
        """The share of sends answered in time, shrunk; that of all customers where nothing was sent."""
        answered, sends = (self.rows[name].fill_null(0).cast("float64") for name in (ANSWERED, SENDS))
        return (answered + declared.prior) / (sends + float(PRIOR))

    def median_hours(self) -> ir.Value:
        """The median hours to the first answer in time; null where there is none."""
        return self.rows[MEDIAN].cast("float64") / float(HOUR)

    def cells(self) -> tuple[ir.Value, ir.Value]:
        """How many cells are expected of a customer's events before the cutoff, and how many are filled.

        Expected are the amount, of types that carry one, and every property and measure.
        """
        rows, columns = self.rows, len(self.plan.properties) + len(self.plan.measures)
        return _whole(rows.events * columns + rows.payable.fill_null(0)), _whole(rows.paid.fill_null(0) + rows.filled)

    def _of(self, kind: str, column: str) -> ir.Value:
        """A column of the one row of a type without refunds."""
        return self.rows[_column_of_type(self.plan, kind, column)]


def aggregate_events(
    events: ir.Table, cutoff: ir.Value, plan: FeaturePlan, codes: Mapping[str, int] | None = None
) -> CustomerAggregates:
    """The events before the cutoff, as features are read off them; `codes` are the types' where events have numbers."""
    known, kinds = _known(with_fits(events, plan.counts), cutoff), plan.types
    declared = (*plan.counts, *(() if plan.reactivity is None else (plan.reactivity,)))
    named = dict.fromkeys([*kinds, *(kind for each in declared for kind in each.types)])
    types: dict[str, str | int] = {kind: kind if codes is None else codes.get(kind, _NONE) for kind in named}
    rows = _by_type(known, plan)
    totals = rows.group_by(CUSTOMER_ID).aggregate(**_totals(rows, plan, [types[kind] for kind in plan.amounts]))
    table = _join(totals, _any_days(known, plan.observation))
    for kind in kinds:
        one = rows.filter((rows.type == types[kind]) & ~rows.refund)
        names = [name for name in one.columns if name not in (CUSTOMER_ID, "type", "refund", CUTOFF)]
        # Selected column by column: `drop` of several names them in the SQL in an order that hashes decide.
        side_by_side = one.select(CUSTOMER_ID, **{_column_of_type(plan, kind, name): one[name] for name in names})
        table = _join(table, side_by_side)
    if plan.counts:
        table = _join(table, count_events(known, plan.counts, types, CUTOFF))
    if plan.reactivity is not None:
        table = _join(table, count_answers(known, plan.reactivity, types, CUTOFF))
    return CustomerAggregates(table, plan)


def _join(table: ir.Table, more: ir.Table) -> ir.Table:
    """The table with further columns of the same customers."""
    more = more.rename(__who=CUSTOMER_ID)
    return table.left_join(more, table[CUSTOMER_ID] == more["__who"]).drop("__who")


def _column_of_type(plan: FeaturePlan, kind: str, column: str) -> str:
    """The name of a column of one type where the types stand side by side."""
    return f"{plan.types.index(kind)}_{column}"


def _totals(rows: ir.Table, plan: FeaturePlan, amounts: Sequence[str | int]) -> dict[str, ir.Value]:
    """The totals of a customer's events of all types, refunds too; `amounts` are the types that carry some."""
    paid = rows.type.isin(amounts) if amounts else ibis.literal(False)
    made: dict[str, ir.Value] = {
        "oldest": rows.oldest.max(),
        "newest": rows.newest.min(),
        "events": rows.n_None.sum(),
        "payable": rows.n_None.sum(where=paid),
        "paid": rows.paid.sum(where=paid),
        "filled": rows.filled.sum(),
        CUTOFF: rows[CUTOFF].max(),
    }
    for days in (*plan.windows, None):
        made[f"amount_{days}"] = rows[f"amount_{days}"].sum()
        made[f"refunds_{days}"] = rows[f"n_{days}"].sum(where=rows.refund)
        for name in (f"m{at}{n}_{days}" for at in range(len(plan.measures)) for n in ("", "n")):
            made[name] = rows[name].sum()
    if plan.usual is not None:
        made["unusual"] = rows.unusual.sum()
    return made


def _by_type(known: ir.Table, plan: FeaturePlan) -> ir.Table:
    """Events by customer, type and refund: counts, days and amounts in each window, ages and gaps."""
    rows = _with_gaps(known)
    spans = {days: ibis.literal(True) if days is None else rows.age <= days * DAY for days in (*plan.windows, None)}
    longest = spans[plan.observation]
    made: dict[str, ir.Value] = {
        "oldest": rows.age.max(),
        "newest": rows.age.min(),
        "gaps": rows.gap.count(),
        "gap_sum": rows.gap.sum(),
        "gap_squares": (rows.wide * rows.wide).sum(),
        "gap_most": rows.gap.max(),
        "gap_least": rows.gap.min(),
        "paid": rows.amount.count(),
        "filled": _filled(rows, plan),
        CUTOFF: rows[CUTOFF].max(),
    }
    for days, inside in spans.items():
        made[f"n_{days}"] = rows.count(where=inside)
        made[f"days_{days}"] = rows.count(where=inside & rows.new_day)
        made[f"amount_{days}"] = rows.amount.sum(where=inside)
        for at in range(len(plan.measures)):
            made[f"m{at}_{days}"] = rows[f"m{at}"].sum(where=inside)
            made[f"m{at}n_{days}"] = rows[f"m{at}"].count(where=inside)
    if plan.usual is not None:
        low, high = (ibis.literal(edge, AMOUNT) for edge in plan.usual)
        made["unusual"] = rows.count(where=longest & ~rows.refund & ((rows.amount < low) | (rows.amount > high)))
    for at, (_, name, level) in enumerate(plan.levels):
        made[f"level_{at}"] = rows.count(where=longest & (rows[f"p{plan.properties.index(name)}"] == level))
    grouped = rows.group_by(CUSTOMER_ID, "type", "refund").aggregate(**made)
    kept = [name for name in grouped.columns if not name.startswith("gap")]  # the engine stores all that is selected
    return grouped.select(*kept, gap_mean=_gap_mean(grouped), gap_sd=_gap_sd(grouped))


def _known(events: ir.Table, cutoff: ir.Value) -> ir.Table:
    """Events before the cutoff with their amount netted; lines of one order are one event."""
    if ORDER_ID in events.columns:
        same = [name for name in ("as_of", CUTOFF) if name in (*events.columns, CUTOFF)]  # in all rows of a customer
        events = merge_orders(events.filter(events.ts < cutoff).mutate(**{CUTOFF: cutoff}), *same)
        cutoff = events[CUTOFF]
    refund = events.refund.fill_null(False) | (events.amount < 0).fill_null(False)
    amount = ibis.ifelse(refund, -events.amount.abs(), events.amount)
    return events.filter(events.ts < cutoff).mutate(refund=refund, amount=amount, **{CUTOFF: cutoff})


def _with_gaps(known: ir.Table) -> ir.Table:
    """Events with age, gap to the next one of the type, and whether they are the first of their day."""
    # What goes through the window stays in memory: as few and as narrow columns as will do.
    alike = ibis.window(group_by=[known.customer_id, known.type, known.refund], order_by=known.ts.desc())
    stepped = known.mutate(later=known.ts.lag().over(alike))
    gap = (stepped.later.delta(stepped.ts, unit="microsecond") // 1_000_000).cast("decimal(18, 0)")  # seconds
    return stepped.mutate(
        age=stepped[CUTOFF].delta(stepped.ts, unit="microsecond"),
        gap=gap,
        wide=gap.cast("decimal(19, 0)"),  # the square of 32 years does not fit 18 digits
        new_day=stepped.later.isnull() | (stepped.later.date() != stepped.ts.date()),
    )


def _any_days(known: ir.Table, days: int) -> ir.Table:
    """By customer, on how many days of the window there is an event of any type."""
    inside = known.filter(known[CUTOFF].delta(known.ts, unit="microsecond") <= days * DAY)
    distinct = inside.select(CUSTOMER_ID, day=inside.ts.date()).distinct()
    return distinct.group_by(CUSTOMER_ID).aggregate(any_days=distinct.count())


def _filled(rows: ir.Table, plan: FeaturePlan) -> ir.Value:
    """How many cells of properties and measures are filled."""
    columns = [f"p{at}" for at in range(len(plan.properties))] + [f"m{at}" for at in range(len(plan.measures))]
    there: ir.Value = ibis.literal(0)
    for column in columns:
        there = there + rows[column].count()
    return there


def _gap_mean(rows: ir.Table) -> ir.Value:
    return (rows.oldest - rows.newest).cast("float64") / (rows.n_None - 1).nullif(0).cast("float64") / DAY


def _gap_sd(rows: ir.Table) -> ir.Value:
    """From exact sums: sqrt((sum of squares - square of the sum / n) / (n - 1)); 0 where all gaps are the same."""
    n, total = rows.gaps.cast("float64"), rows.gap_sum.cast("float64")
    squares = rows.gap_squares.cast("float64")
    variance = ibis.greatest((squares - total * total / n.nullif(0.0)) / (n - 1).nullif(0.0), 0.0)
    spread = ibis.ifelse(rows.gap_most == rows.gap_least, 0.0, variance.sqrt() / 86_400.0)
    return ibis.ifelse(n >= 2, spread, ibis.null("float64"))


def _whole(total: ir.Value) -> ir.Value:
    """A sum of whole numbers, which DuckDB gives as a wider type, as int64."""
    return total.cast("decimal(38, 0)").cast("int64")
