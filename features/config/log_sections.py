"""The sections of a use case on a log: its events, its profiles, its windows, who is eligible, its label."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from features.config.value_types import (
    ColumnFormats,
    Days,
    ListSection,
    MomentForm,
    Scalar,
    Section,
    SourceColumn,
    SourceColumns,
    UtcMoment,
)


class TypeColumn(Section):
    """Events carry their type in a column."""

    column: SourceColumn


class RefundRule(Section):
    """An event is a refund where the column has this value."""

    column: SourceColumn
    equals: Scalar


class CurrencyColumn(ListSection):
    """Amounts in several currencies, turned into one by declared rates (one unit of the key = `rate` of `to`)."""

    column: SourceColumn
    to: str
    rates: dict[str, Annotated[float, Field(gt=0)]]


class Events(ListSection):
    """A log, one row per event."""

    path: Path
    customer_id: SourceColumn
    timestamp: SourceColumn
    timestamp_format: MomentForm | None = None  # where it is not in ISO form
    formats: ColumnFormats = Field(default_factory=dict)  # of the amount and of measures that are written otherwise
    type: Annotated[str, Field(min_length=1)] | TypeColumn
    amount: SourceColumn | None = None
    id: SourceColumn | None = None
    order: SourceColumn | None = None  # rows of one order are lines of one purchase
    refund: RefundRule | None = None
    tracking_consent: SourceColumn | None = None  # opens of mail without a yes in it are no events
    properties: SourceColumns = ()
    measures: SourceColumns = ()
    currency: str | CurrencyColumn | None = None
    table: str | None = None  # the table to read where `path` is a DuckDB file that holds several
    links: Path | None = None  # accepted links between customers who are one: customer_id, same_as


class Profiles(ListSection):
    """Traits of customers, one row per customer (or one per customer and `valid_from`)."""

    path: Path
    customer_id: SourceColumn
    valid_from: SourceColumn | None = None
    valid_from_format: MomentForm | None = None  # where it is not in ISO form
    formats: ColumnFormats = Field(default_factory=dict)  # of columns whose dates or amounts are written otherwise
    exclude: SourceColumns = ()
    groups: dict[str, str] = Field(default_factory=dict)
    table: str | None = None


class Window(ListSection):
    """How far a feature looks back, and when and how long the outcome is awaited; whole days."""

    observation: Annotated[Days, Field(ge=1, le=3650)] = 365
    gap: Annotated[Days, Field(ge=0, le=3650)] = 0
    prediction: Annotated[Days, Field(ge=1, le=3650)]
    test_cutoff: UtcMoment | None = None
    train_cutoffs: Annotated[int, Field(ge=1, le=100, strict=True)] = 3


class Eligible(ListSection):
    """Who may be scored."""

    active_within: Annotated[Days, Field(ge=1)] | None = None


class Label(Section):
    """The outcome: the event does (`present`) or does not (`absent`) happen in the prediction window."""

    event: Annotated[str, Field(min_length=1)]
    outcome: Literal["absent", "present"]
