"""The shop nearest to a declared home, as the crow flies; a live position is never asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

_EARTH = 6371.0088  # km, mean radius (IUGG)


class Shop(TypedDict):
    """A shop and where it is, in degrees."""

    name: str
    latitude: float
    longitude: float


def nearest_shop(latitude: object, longitude: object, shops: Sequence[Shop]) -> tuple[str, float] | None:
    """The nearest shop and how far it is, in km to one decimal; None where a home is nowhere on earth.

    Of shops equally near it is the first. Distances are along great circles (haversine).

    >>> nearest_shop(48.85, "2.35", [{"name": "Lyon", "latitude": 45.76, "longitude": 4.84}])
    ('Lyon', 391.5)
    """
    home = _degrees(latitude, 90.0), _degrees(longitude, 180.0)
    if home[0] is None or home[1] is None or not shops or home == (0.0, 0.0):  # where unset coordinates lie
        return None
    far = [_distance(home[0], home[1], shop["latitude"], shop["longitude"]) for shop in shops]
    at = min(range(len(far)), key=far.__getitem__)
    return shops[at]["name"], round(far[at], 1)


def _degrees(value: object, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        degrees = float(value.strip().replace(",", ".") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return degrees if abs(degrees) <= most else None


def _distance(latitude: float, longitude: float, other: float, other_longitude: float) -> float:
    """Kilometres between two points (Sinnott 1984)."""
    phi, psi = math.radians(latitude), math.radians(other)
    half = math.sin((psi - phi) / 2) ** 2
    half += math.cos(phi) * math.cos(psi) * math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * _EARTH * math.asin(min(1.0, math.sqrt(half)))
