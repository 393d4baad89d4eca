"""Lines of one order as one event: a shop's export has a row for each article, and a customer bought once.

Merged is what is known at a moment, after later lines are left out: an order's amount grows as its lines come.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from features.columns.expressions import AMOUNT
from features.spec.feature import CUSTOMER_ID

ORDER_ID = "order_id"  # the column of events, where an order is declared; null for an event that is of none


def merge_orders(events: ir.Table, *same: str) -> ir.Table:
    """Events with the lines of each order as one: those of one customer, type and order, refunds apart.

    The event is at the earliest moment, its amount and measures are the sums; a property is kept where all lines that
    have one agree, else it is null; what is true of any line is true of the event. Without a declared order the events
    are as they are. `same` are columns that are the same in all rows of a customer.
    """
    if ORDER_ID not in events.columns:
        return events
    apart = [CUSTOMER_ID, "type", "refund", ORDER_ID, *same]
    lines = events.filter(events[ORDER_ID].notnull())
    values = {name: _of_lines(lines[name]) for name in events.columns if name not in apart}
    merged = lines.group_by(apart).aggregate(**values).select(events.columns)
    return merged.union(events.filter(events[ORDER_ID].isnull()))


def _of_lines(cells: ir.Column) -> ir.Value:
    """What one event has of the cells of its lines."""
    if cells.get_name() == "ts":
        return cells.min()
    if cells.type().is_boolean():
        return cells.any()
    if cells.type().is_string():
        return ibis.ifelse(cells.min() == cells.max(), cells.min(), ibis.null("string"))
    return cells.sum().try_cast(AMOUNT)
