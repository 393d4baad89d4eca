"""What a segmentation's bundle tells of its groups: profiles against all, realised outcomes, a typical customer.

A sheet is made of counts, shares and medians of twenty customers or more; none holds a value of one customer alone.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct, UnsetType

FEWEST = 20  # customers below which a group says nothing


class ProfiledFeature(Struct, frozen=True, kw_only=True):
    """One feature of a group against all customers."""

    name: str
    kind: str  # number, level or missing, as of a coordinate
    level: str | None = None
    group: float | None  # the median of a number, the share of a level, a yes or missing values
    all: float | None  # the same of all customers
    difference: float  # of means, in standard deviations of all customers: positive where the group has more


class GroupRate(Struct, frozen=True):
    """How often the outcome came among a group's customers later, with its 95% interval."""

    rate: float
    low: float
    high: float
    customers: int


class GroupTheme(Struct, frozen=True):
    """A theme of a column of texts: its strongest words, each of which twenty customers or more use."""

    column: str
    words: tuple[str, ...]
    group: float  # share of the members who wrote a text that write of it
    all: float  # the same of all customers


class GroupSheet(Struct, frozen=True, kw_only=True):
    """A group; of a small one nothing but its size."""

    code: str
    size: int
    share: float
    profile: tuple[ProfiledFeature, ...] = ()  # the most distinguishing first
    typical: dict[str, float | str | None] = {}  # medians, and the most frequent level of a category
    realised: GroupRate | None = None
    themes: tuple[GroupTheme, ...] | UnsetType = UNSET  # by column what members write of most, against all; if any do


class PersonaSheets(Struct, frozen=True, kw_only=True):
    """`personas.json`: the groups' sheets, and whether they are shown at all."""

    groups: tuple[GroupSheet, ...]
    differ: bool  # whether members of different groups realised different outcomes, out of time
    base_rate: float | None = None  # of all customers
    outcome: dict[str, str] = {}  # what came or not, by language


read_personas = msgspec.json.Decoder(PersonaSheets).decode  # looked up now, before threads use the type
