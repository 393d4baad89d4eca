"""Many profiles of one shape as plain tuples: what an endpoint reads where it need not make an object of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from features.spec.feature import CUSTOMER_ID


class Block(Sequence[Any]):
    """Profiles that all hold the same features; each is to be had as it may be posted, and made when asked for."""

    def __init__(self, customers: Sequence[str], names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
        """Takes ids of which none is empty, and for each a value a name: of a type the feature may have, or None."""
        self.customers, self.names, self.rows = customers, names, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, position: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, position: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, position: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(position, slice):
            return [self[row] for row in range(*position.indices(len(self)))]
        return {CUSTOMER_ID: self.customers[position], "features": self.features(position)}

    def features(self, row: int) -> dict[str, Any]:
        """One profile's features."""
        return dict(zip(self.names, self.rows[row], strict=True))

    def column(self, name: str) -> list[Any]:
        """One feature's values; None throughout where the profiles do not hold it."""
        if name not in self.names:
            return [None] * len(self)
        position = self.names.index(name)
        return [row[position] for row in self.rows]
