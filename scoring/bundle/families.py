"""Features that share one reason: their families, and what each adds to a row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.published_contributions import rounded

OTHER_FACTORS = "other_factors"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Families:
    """The families of a model's features, in the order of their names.

    A feature of no family is one of its own, with its name. Features that are never named are together
    `other_factors`, whatever family they would be of: so no sum speaks of one of them and no sentence stands for it.
    """

    names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]  # positions among the features, in the order of their names
    hidden: int | None  # which of them is of the features that are never named; None where all may be

    @classmethod
    def of(cls, features: Sequence[str], declared: Mapping[str, Sequence[str]], hidden: Collection[str]) -> Families:
        """The families of features by name.

        Args:
            features: Names, in the order of a row.
            declared: Members by family; names that no feature has are passed over.
            hidden: Features that are never named.
        """
        family = {name: (name, False) for name in features}
        family |= {name: (own, False) for own, members in declared.items() for name in members if name in family}
        family |= {name: (OTHER_FACTORS, True) for name in features if name in hidden}
        positions = {name: at for at, name in enumerate(features)}
        found: dict[tuple[str, bool], list[int]] = {}
        for name in sorted(features):
            found.setdefault(family[name], []).append(positions[name])
        keys = sorted(found)
        unnamed = next((at for at, (_, is_hidden) in enumerate(keys) if is_hidden), None)
        return cls(tuple(name for name, _ in keys), tuple(tuple(found[key]) for key in keys), unnamed)

    @cached_property
    def _by_family(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The positions of all features family by family, and where each family begins among them."""
        sizes = [len(positions) for positions in self.members]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
        return np.asarray([at for positions in self.members for at in positions], np.intp), starts

    def sums(self, contributions: Floats) -> Floats:
        """What each family adds, shape (rows, families), to nine decimals: the same however many rows are added up.

        Args:
            contributions: Published, so multiples of 1e-9, shape (rows, features).
        """
        order, starts = self._by_family
        return rounded(np.add.reduceat(contributions.take(order, axis=1), starts, axis=1))
