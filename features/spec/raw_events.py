"""`events.json` of a bundle that learned from a log: the SQL that makes features of raw events, and what it reads."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class RawColumn(TypedDict):
    """A column of the table `events` or `traits`."""

    key: str
    column: str  # inside
    type: str  # DuckDB's
    names: NotRequired[list[str]]  # what it may be posted as
    written: NotRequired[str]  # how texts of numbers and moments are written
    apart: NotRequired[dict[str, str]]  # by normalised text, slugs that are not its own
    equals: NotRequired[list[str]]  # texts that mean a refund in the log's column


class RawCurrency(TypedDict):
    """The log's column of currencies, and what one unit of each is worth."""

    name: str
    rates: dict[str, float]


class IgnoredNames(TypedDict):
    """What a record may hold beside its columns."""

    events: list[str]
    traits: list[str]


class RawEvents(TypedDict):
    """All that serving needs; parts that older bundles do not have need not be there."""

    sql: str
    events: list[RawColumn]
    traits: list[RawColumn]
    typed: bool  # whether each event must name its type
    id: NotRequired[str | None]  # the log's column of event ids
    currency: NotRequired[RawCurrency | None]
    ignored: NotRequired[IgnoredNames]
