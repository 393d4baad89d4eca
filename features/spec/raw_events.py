"""`events.json` of a bundle that learned from a log: the SQL that makes features of raw events, and what it reads."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from features.spec.derive.derivation import Derivation


class RawColumn(TypedDict):
    """A column of the table `events` or `traits`."""

    key: str
    column: str  # inside
    type: str  # DuckDB's
    names: NotRequired[list[str]]  # what it may be posted as
    written: NotRequired[str]  # how texts of numbers and moments are written
    apart: NotRequired[dict[str, str]]  # by normalised text, slugs that are not its own
    equals: NotRequired[list[str]]  # texts that mean a refund in the log's column
    derive: NotRequired[Derivation]  # of other traits that are posted, where it is not


class RawCurrency(TypedDict):
    """The log's column of currencies, and what one unit of each is worth."""

    name: str
    rates: dict[str, float]


class RawLog(TypedDict):
    """One of several logs: what an event of it may hold."""

    name: str  # what an event may say under `log`
    prefix: str  # what stands before its types in the use case
    only: str | None  # the type of all its events, as a slug; None: each names its own
    types: NotRequired[list[str]]  # those of its events that have features, as the use case names them
    events: list[RawColumn]
    id: str | None
    currency: RawCurrency | None
    ignored: list[str]
    customer: str | None  # the column that must have the profile's own customer; None where links join other ids to it


class IgnoredNames(TypedDict):
    """What a record may hold beside its columns."""

    events: list[str]
    traits: list[str]


class CountDefinition(TypedDict):
    """A count that the use case declares, in its own words; what it does not ask for need not be there."""

    name: str  # of the feature
    event: str
    window_days: int
    where: NotRequired[dict[str, list[str]]]  # by property, any of these
    months: NotRequired[list[int]]
    days: NotRequired[list[list[str]]]  # periods, each its first and last day in ISO form, days around included
    unless: NotRequired[str]
    within_hours: NotRequired[int]


class ReactivityDefinition(TypedDict):
    """How the use case's sends are answered: by which events, how soon, and what a customer's share begins with."""

    send: str  # slug
    answer: list[str]
    within_hours: int
    window_days: int
    prior_sends: int
    prior_answered: float  # of these


class RawEvents(TypedDict):
    """All that serving needs; parts that older bundles do not have need not be there."""

    sql: str
    events: list[RawColumn]
    traits: list[RawColumn]
    typed: bool  # whether each event must name its type
    id: NotRequired[str | None]  # the log's column of event ids
    currency: NotRequired[RawCurrency | None]
    ignored: NotRequired[IgnoredNames]
    counts: NotRequired[list[CountDefinition]]  # where the use case declares some
    reactivity: NotRequired[ReactivityDefinition]  # where the use case declares it
    engagement: NotRequired[dict[str, float]]  # points by type, where the training fitted them
    logs: NotRequired[list[RawLog]]  # where there are several; `events` are then the columns of the table alone
    left_out: NotRequired[list[str]]  # columns of the log that may tell something sensitive: an event may hold them
