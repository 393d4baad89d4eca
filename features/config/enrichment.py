"""Outside tables joined to the profiles, and traits derived from them by reviewed rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from features.config.origins.origin_sections import Origin
from features.config.value_types import (
    ColumnFormats,
    Days,
    Fraction,
    ListSection,
    SourceColumn,
    SourceColumns,
    UtcMoment,
)

_NAME = r"^[a-z][a-z0-9_]{0,31}$"


class Enrich(Origin):
    """An outside table, whose columns become traits of the customers whose profile has its key."""

    name: Annotated[str, Field(pattern=_NAME)] | None = None  # stands before its columns
    key: SourceColumn  # its column that is joined by
    on: SourceColumn | None = None  # the column of the profiles; default: called as the key
    columns: SourceColumns = ()  # that become traits; default: all others
    known: dict[SourceColumn, SourceColumn] = Field(default_factory=dict)  # its columns that the profiles have too
    as_of: UtcMoment | None = None  # of when it is
    dated: SourceColumn | None = None  # or its column of dates, of which the latest counts
    formats: ColumnFormats = Field(default_factory=dict)
    least_match: Fraction = 0.5  # share of the profiles below which a finding warns
    most_contradictions: Fraction = 0.1  # share of the compared cells above which one does
    max_age: Annotated[Days, Field(ge=1)] = 730  # at the test cutoff

    @property
    def joined_on(self) -> str:
        """The column of the profiles."""
        return self.on or self.key

    @model_validator(mode="after")
    def _is_of_one_age(self) -> Self:
        if self.as_of is not None and self.dated is not None:
            raise ValueError("only one of as_of and dated may be given")
        return self

    def shown(self, column: str) -> str:
        """What a column of the table is called among the traits."""
        return column if self.name is None else f"{self.name}_{column}"


def _several(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


class Derive(ListSection):
    """A trait made of columns of the profiles, which are then no traits themselves."""

    name: Annotated[str, Field(pattern=_NAME)]
    rule: Literal["french_department", "device_family", "nearest_shop"]
    of: Annotated[tuple[SourceColumn, ...], BeforeValidator(_several)]
    shops: Path | None = None  # name, latitude, longitude

    @model_validator(mode="after")
    def _keys_go_together(self) -> Self:
        many = 2 if self.rule == "nearest_shop" else 1
        broken = []
        if len(self.of) != many:
            what = "latitude and longitude of the declared home" if many == 2 else "one column"
            broken.append(f"of must be {what} where rule is {self.rule!r}, got {len(self.of)} columns")
        if (self.shops is not None) != (self.rule == "nearest_shop"):
            broken.append("shops goes with rule = 'nearest_shop'")
        if broken:
            raise ValueError("; ".join(broken))
        return self
