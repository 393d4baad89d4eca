"""The section of a use case on a ready table."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from features.config.value_types import ColumnFormats, ListSection, MomentForm, Scalar, SourceColumn, SourceColumns


class Table(ListSection):
    """A ready table, one row per customer, with its label."""

    path: Path
    label: SourceColumn
    positive: Scalar
    exclude: SourceColumns = ()
    customer_id: SourceColumn | None = None
    order_by: SourceColumn | None = None
    order_by_format: MomentForm | None = None  # where it is not in ISO form
    formats: ColumnFormats = Field(default_factory=dict)  # of columns whose dates or amounts are written otherwise
    table: str | None = None

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
