"""The sections of a use case on a log: its events, its profiles, its windows, who is eligible, its label."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from features.config.enrichment import Derive
from features.config.origins.origin_sections import Origin
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
from features.spec.feature import slug


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


LogName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class Events(Origin):
    """A log, one row per event."""

    name: LogName | None = None  # where there are several: stands before its types and its measures
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
    links: Path | None = None  # accepted links between customers who are one: customer_id, same_as

    @property
    def prefix(self) -> str:
        """What stands before the types and measures of the log."""
        return "" if self.name is None else f"{self.name}_"

    def may_have(self, event: str) -> bool:
        """Whether the log may have events of a type, as the use case names it."""
        if isinstance(self.type, TypeColumn):
            return slug(event).startswith(self.prefix)
        return slug(event) == slug(self.prefix + self.type)

    @property
    def shown_measures(self) -> tuple[str, ...]:
        """The names of its measures in the use case."""
        return tuple(self.prefix + name for name in self.measures)

    @property
    def target_currency(self) -> str | None:
        """The currency that its amounts are in, once read."""
        return self.currency.to if isinstance(self.currency, CurrencyColumn) else self.currency


class Profiles(Origin):
    """Traits of customers, one row per customer (or one per customer and `valid_from`)."""

    customer_id: SourceColumn
    valid_from: SourceColumn | None = None
    valid_from_format: MomentForm | None = None  # where it is not in ISO form
    formats: ColumnFormats = Field(default_factory=dict)  # of columns whose dates or amounts are written otherwise
    exclude: SourceColumns = ()
    groups: dict[str, str] = Field(default_factory=dict)
    derive: tuple[Derive, ...] = ()  # traits made of its columns


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
