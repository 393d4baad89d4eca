"""The section of a use case that asks what customers will bring: within how long, and what of it is profit."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from features.config.several_logs import logs_in
from features.config.value_types import Days, ListSection, TomlTable


class Value(ListSection):
    """What a customer will spend within the horizon; without a margin it is revenue, with one profit."""

    horizon: Annotated[Days, Field(ge=1, le=3650)]
    margin: Annotated[float, Field(gt=0, le=1)] | None = None  # the share of revenue that is profit
    discount: Annotated[float, Field(ge=0, le=10)] = 0.0  # a year: 0.1 makes 110 in a year worth 100 today


def value_conflicts(raw: TomlTable) -> list[str]:
    """What a value needs that the rest of the file does not have."""
    if "value" not in raw:
        return []
    logs = logs_in(raw)
    if not logs:
        return ["[value] goes with [events]: it is what customers spend after a moment"]
    if all(log.get("amount") is None for log in logs):
        return ["[value] needs events.amount, the column of what was spent"]
    return []
