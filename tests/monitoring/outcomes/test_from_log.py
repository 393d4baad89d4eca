"""What a log says customers bought after a day: orders, refunds, and amounts that nobody can add up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from monitoring.outcomes.from_log import log_outcomes
from tests.support.worlds import log_case

DAY = datetime(2024, 5, 1, tzinfo=UTC)
EVENTS = [  # customer, day after DAY, order, amount
    ("a", 0, "1", 10.0), ("a", 0, "1", 5.0), ("a", 3, "2", 20.0), ("a", 9, "2", -20.0), ("a", 30, "3", 99.0),
    ("b", 2, "4", -7.5), ("c", -1, "5", 40.0), ("d", 4, "6", 8.0), ("d", 5, "7", None), ("c", 31, "8", 1.0),
]  # fmt: skip


def bought(folder: Path, **events: Any) -> dict[str, tuple[int, float | None]]:
    """Orders and value of each customer of the log in the 30 days after the day."""
    rows = [(who, DAY.replace(tzinfo=None) + timedelta(days=day), *rest) for who, day, *rest in EVENTS]
    log = pl.DataFrame(rows, ["customer_id", "ts", "order", "amount"], orient="row").with_columns(code=pl.lit("EUR"))
    use_case = log_case(folder, log, events={"order": "order", **events})
    asked = pl.Series("customer_id", ["a", "b", "c", "d", "stranger"])
    known = log_outcomes(use_case, [(DAY, asked)], folder, DAY + timedelta(days=60)).known[DAY]
    return {who: (orders, value) for who, orders, value in known.select("customer_id", "orders", "value").iter_rows()}


def test_lines_of_an_order_are_one_and_refunds_are_subtracted(tmp_path: Path) -> None:
    """Within the window alone; whoever bought nothing has 0, and one amount that is missing makes a sum unknown."""
    assert bought(tmp_path) == {"a": (2, 15.0), "b": (0, -7.5), "c": (0, 0.0), "d": (2, None)}


@pytest.mark.parametrize(
    "events", [{"amount": None}, {"currency": {"column": "code", "to": "EUR", "rates": {"USD": 0.9}}}]
)
def test_without_amounts_or_with_several_currencies_there_are_orders_alone(
    tmp_path: Path, events: dict[str, Any]
) -> None:
    """Of everybody, of those who bought nothing too."""
    found = bought(tmp_path, **events)

    assert [value for _, value in found.values()] == [None] * 4
    assert found["d"][0] == 2
