"""Many profiles of one shape as plain tuples: what an endpoint reads where it need not make an object of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, overload

from features.spec.feature import Scalar


class PostedProfile(TypedDict):
    """A customer as it may be posted."""

    customer_id: str
    features: dict[str, Scalar]


class Block(Sequence[PostedProfile]):
    """Profiles that all hold the same features; each is to be had as it may be posted, and made when asked for."""

    def __init__(self, customers: Sequence[str], names: tuple[str, ...], rows: Sequence[tuple[Scalar, ...]]) -> None:
        """Takes ids of which none is empty, and for each a value a name: of a type the feature may have, or None."""
        self.customers, self.names, self.rows = customers, names, rows

    def __len__(self) -> int:
        return len(self.rows)

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
        return dict(zip(self.names, self.rows[row], strict=True))

    def column(self, name: str) -> list[Scalar]:
        """One feature's values; None throughout where the profiles do not hold it."""
        if name not in self.names:
            return [None] * len(self)
        position = self.names.index(name)
        return [row[position] for row in self.rows]
