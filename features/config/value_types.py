"""What keys of a use-case file hold: durations, moments, columns and how their texts are written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from features.spec.moments import SEVERAL, check_form, is_moment
from features.spec.numbers import amounts

Scalar = str | bool | int | float | datetime | date
TomlValue = Scalar | time | Sequence["TomlValue"] | Mapping[str, "TomlValue"]
TomlTable = Mapping[str, TomlValue]


def _days(value: object) -> object:
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d{1,5})\s*([dw])\s*", value)):
        return int(match[1]) * (7 if match[2] == "w" else 1)
    raise ValueError('must be whole days or weeks such as "90d" or "13w"')


def _hours(value: object) -> object:
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d{1,5})\s*([hdw])\s*", value)):
        return int(match[1]) * {"h": 1, "d": 24, "w": 168}[match[2]]
    raise ValueError('must be whole hours, days or weeks such as "24h" or "7d"')


def _moment(value: object) -> object:
    """A date, a datetime or ISO text as a UTC datetime; without a zone it is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("must be a date or a datetime in ISO form") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise ValueError("must be a date or a datetime in ISO form")
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _joined(value: object) -> object:
    """Several forms of one column as one."""
    if isinstance(value, list | tuple) and value and all(isinstance(form, str) for form in value):
        return SEVERAL.join(value)
    return value


def _written(value: str) -> str:
    if is_moment(value):
        return check_form(value)
    amounts(value)
    return value


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"must not name a column twice: {', '.join(map(repr, twice))}")
    return names


Days = Annotated[int, BeforeValidator(_days)]
Hours = Annotated[int, BeforeValidator(_hours)]
UtcMoment = Annotated[datetime, BeforeValidator(_moment)]
SourceColumn = Annotated[str, Field(min_length=1)]
SourceColumns = Annotated[tuple[SourceColumn, ...], AfterValidator(_distinct)]
Family = Annotated[tuple[SourceColumn, ...], Field(min_length=2), AfterValidator(_distinct)]
FamilyName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
MomentForm = Annotated[str, BeforeValidator(_joined), AfterValidator(check_form)]  # a list of forms is tried in turn
Written = Annotated[str, BeforeValidator(_joined), AfterValidator(_written)]
ColumnFormats = dict[SourceColumn, Written]  # how columns' texts are written: moments' or numbers'
Fraction = Annotated[float, Field(ge=0, le=1)]
ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Section(BaseModel):
    """One section of the file: frozen, strict, no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=False)


class ListSection(Section):
    """A section whose lists arrive from TOML as lists and are kept as tuples."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
