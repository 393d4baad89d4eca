"""One value a row where many rows have the same: each is kept, and what is made of it is made, but once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Repeated(Sequence[Value], Generic[Value]):
    """The values, and which of them each row has.

    >>> list(Repeated(["hot", "cold"], np.array([1, 1, 0])))
    ['cold', 'cold', 'hot']
    """

    values: Sequence[Value]
    which: NDArray[np.intp]

    @classmethod
    def of(cls, rows: Sequence[Value]) -> Repeated[Value]:
        """Rows as they are, if they are given one by one."""
        return rows if isinstance(rows, Repeated) else cls(rows, np.arange(len(rows)))

    def __len__(self) -> int:
        """How many rows."""
        return len(self.which)

    @overload
    def __getitem__(self, row: int) -> Value: ...

    @overload
    def __getitem__(self, row: slice) -> Repeated[Value]: ...

    def __getitem__(self, row: int | slice) -> Value | Repeated[Value]:
        """The value of a row, or some rows."""
        return Repeated(self.values, self.which[row]) if isinstance(row, slice) else self.values[self.which[row]]

    def __iter__(self) -> Iterator[Value]:
        """Row by row."""
        return map(self.values.__getitem__, self.which.tolist())

    def each(self, make: Callable[[Value], Made]) -> Repeated[Made]:
        """What is made of each value."""
        return Repeated([make(value) for value in self.values], self.which)

    def counts(self) -> Iterator[tuple[Value, int]]:
        """Each value that a row has, and how many rows have it."""
        found = np.bincount(self.which, minlength=len(self.values)).tolist()
        return ((value, count) for value, count in zip(self.values, found, strict=True) if count)


def paired(one: Repeated[Value], other: Repeated[Made]) -> Repeated[tuple[Value, Made]]:
    """The two values of each row side by side.

    >>> [*paired(Repeated("ab", np.array([0, 1, 1])), Repeated("xy", np.array([1, 0, 0])))]
    [('a', 'y'), ('b', 'x'), ('b', 'x')]
    """
    width = max(1, len(other.values))
    codes, which = np.unique(one.which * width + other.which, return_inverse=True)
    return Repeated([(one.values[code // width], other.values[code % width]) for code in codes.tolist()], which)
