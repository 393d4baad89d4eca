"""The sections of a use case on a ready table: the table, and who was treated in a campaign it reports."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from features.config.origins.origin_sections import Origin
from features.config.value_types import ColumnFormats, ListSection, MomentForm, Scalar, SourceColumn, SourceColumns


class TableColumns(Origin):
    """A ready table, one row per customer, whether or not it holds an outcome."""

    exclude: SourceColumns = ()
    customer_id: SourceColumn | None = None
    formats: ColumnFormats = Field(default_factory=dict)  # of columns whose dates or amounts are written otherwise


class Table(TableColumns):
    """A ready table, one row per customer, with its label."""

    label: SourceColumn
    positive: Scalar
    order_by: SourceColumn | None = None
    order_by_format: MomentForm | None = None  # where it is not in ISO form

    @model_validator(mode="after")
    def _roles_differ(self) -> Table:
        taken = [name for name in (self.label, self.customer_id, self.order_by) if name is not None]
        if len(set(taken)) < len(taken):
            raise ValueError("label, customer_id and order_by must name different columns")
        if self.label in self.exclude:
            raise ValueError("label must not be excluded")
        if taken_twice := sorted({*taken} & self.formats.keys()):
            raise ValueError(
                f"formats are of other columns than label, customer_id and order_by, got {taken_twice[0]!r}"
            )
        if self.order_by_format is not None and self.order_by is None:
            raise ValueError("order_by_format goes with order_by")
        return self


class TextColumns(ListSection):
    """Columns of free texts, of whose words a model learns those that enough customers use."""

    columns: Annotated[SourceColumns, Field(min_length=1)]


Share = Annotated[float, Field(gt=0, lt=1)]


class Treatment(ListSection):
    """Whom a campaign treated, by chance alone, and what is planned with what it teaches.

    A column of a ready table says it, or a campaign of the home, by its arms.
    """

    column: SourceColumn | None = None
    treated: Scalar | None = None  # the value of a treated row; every other one is of the control arm
    campaign: Annotated[str, Field(pattern="^[0-9a-f]{12}$")] | None = None  # its id; of a log
    share: Share | None = None  # that was drawn to be treated; by default the rows' own, or the campaign's
    depth: Share = 0.3  # the share of customers that is to be contacted
    cost: Annotated[float, Field(ge=0)] | None = None  # of one contact, with `value`
    value: Annotated[float, Field(gt=0)] | None = None  # of one answer, or of one outcome prevented

    @model_validator(mode="after")
    def _a_column_or_a_campaign_says_who_was_treated(self) -> Treatment:
        if (self.column is None) != (self.treated is None) or (self.column is None) == (self.campaign is None):
            raise ValueError("either column and treated must be given, or campaign")
        return self

    @model_validator(mode="after")
    def _cost_goes_with_value(self) -> Treatment:
        if (self.cost is None) != (self.value is None):
            raise ValueError("cost and value go together")
        return self

    @property
    def price(self) -> float:
        """What one contact costs, in answers."""
        return 0.0 if self.cost is None or self.value is None else self.cost / self.value
