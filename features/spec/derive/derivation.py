"""A trait that is derived from others: the rule, what it is derived from, and its value for one customer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NotRequired, TypedDict

from features.spec.derive.device_family import device_family
from features.spec.derive.french_department import french_department
from features.spec.derive.nearest_shop import Shop, nearest_shop

Rule = Literal["french_department", "device_family", "nearest_shop", "nearest_shop_km"]
KM: Rule = "nearest_shop_km"
_OF_ONE = {"french_department": french_department, "device_family": device_family}


class Derivation(TypedDict):
    """How a trait is derived, as a bundle holds it."""

    rule: Rule
    of: list[str]  # columns of the profiles
    shops: NotRequired[list[Shop]]


def derive(derivation: Derivation, cells: Mapping[str, object]) -> str | float | None:
    """The derived value of one customer's columns; None where they give none.

    >>> derive({"rule": "french_department", "of": ["zip"]}, {"zip": "20200"})
    '2B'
    """
    values = [cells.get(name) for name in derivation["of"]]
    if (rule := _OF_ONE.get(derivation["rule"])) is not None:
        return rule(values[0])
    found = nearest_shop(values[0], values[1], derivation.get("shops", []))
    return None if found is None else found[1] if derivation["rule"] == KM else found[0]


def sources_of(derivations: Iterable[Derivation | None]) -> list[str]:
    """The columns that some traits are derived from, each once."""
    return list(dict.fromkeys(name for one in derivations if one is not None for name in one["of"]))
