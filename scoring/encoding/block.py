"""Many profiles of one shape as columns: what an endpoint reads where it need not make an object of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict, overload

import numpy as np
from numpy.typing import NDArray

from features.spec.feature import Scalar
from scoring.encoding.vectorised import NUMERIC

Shape = tuple[tuple[str, str], ...]  # features by name and by how they are posted, plain numbers first


class PostedProfile(TypedDict):
    """A customer as it may be posted."""

    customer_id: str
    features: dict[str, Scalar]


class Block(Sequence[PostedProfile]):
    """Profiles that all hold the same features; each is to be had as it may be posted, and made when asked for."""

    def __init__(
        self,
        customers: Sequence[str],
        shape: Shape,
        numbers: NDArray[np.float64],
        others: Sequence[tuple[Scalar, ...]],
    ) -> None:
        """Takes ids of which none is empty, and for each a value of a type that the feature may have.

        Args:
            customers: The ids.
            shape: Of every profile.
            numbers: Of the plain numbers, NaN where null, shape (customers, plain numbers).
            others: A customer's other values, None where null.
        """
        self.customers, self.shape, self.numbers, self.others = customers, shape, numbers, others
        self.names = tuple(name for name, _ in shape)

    @classmethod
    def of(cls, profiles: Sequence[tuple[str, Mapping[str, Scalar]]], shape: Shape) -> Block:
        """The block of customers and their features, which are of this shape."""
        numeric = numbers_in(shape)
        rows = [tuple(features[name] for name, _ in shape) for _, features in profiles]
        numbers = np.asarray([row[:numeric] for row in rows], dtype=np.float64).reshape(len(rows), numeric)
        return cls([customer for customer, _ in profiles], shape, numbers, [row[numeric:] for row in rows])

    def __len__(self) -> int:
        return len(self.customers)

    @overload
    def __getitem__(self, position: int) -> PostedProfile: ...

    @overload
    def __getitem__(self, position: slice) -> list[PostedProfile]: ...

    def __getitem__(self, position: int | slice) -> PostedProfile | list[PostedProfile]:
        if isinstance(position, slice):
            return [self[row] for row in range(*position.indices(len(self)))]
        return {"customer_id": self.customers[position], "features": self.features(position)}

    def features(self, row: int) -> dict[str, Scalar]:
        """One profile's features."""
        return dict(zip(self.names, [*_nulls(self.numbers[row].tolist()), *self.others[row]], strict=True))

    def column(self, name: str) -> list[Scalar]:
        """One feature's values; None throughout where the profiles do not hold it."""
        if name not in self.names:
            return [None] * len(self)
        position, numeric = self.names.index(name), self.numbers.shape[1]
        if position < numeric:
            return _nulls(self.numbers[:, position].tolist())
        return [row[position - numeric] for row in self.others]


def numbers_in(shape: Shape) -> int:
    """How many features of a shape are plain numbers."""
    return sum(kind in NUMERIC for _, kind in shape)


def common_shape(shapes: Iterable[Shape]) -> Shape | None:
    """The shape of profiles that hold the features of several use cases; None where these read one differently."""
    kinds: dict[str, set[str]] = {}
    for name, kind in (feature for shape in shapes for feature in shape):
        kinds.setdefault(name, set()).add(kind)
    if any(len(found) > 1 for found in kinds.values()):
        return None
    return tuple(sorted(((name, found.pop()) for name, found in kinds.items()), key=lambda one: one[1] not in NUMERIC))


def _nulls(values: list[float]) -> list[Scalar]:
    return [None if math.isnan(value) else value for value in values]
