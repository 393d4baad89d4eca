"""Customers to be compared with a seed, and what the features of theirs are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from features.spec.feature import MISSING, Feature
from features.spec.languages import Language


@dataclass(frozen=True)
class CustomerTable:
    """The customers of a day or of a source, by rising id; whoever objected or was erased is none of them."""

    customers: Sequence[str]
    features: tuple[Feature, ...]
    encoder: Mapping[str, list[str]]  # levels by code, for each category
    matrix: NDArray[np.float64]  # encoded, shape (customers, features)
    families: Mapping[str, tuple[str, ...]]  # features that share one reason
    forbid: frozenset[str]  # features that are used and never named
    labels: Mapping[Language, Mapping[str, Mapping[str, str]]]  # of values: by language, feature and value
    objected: int  # how many are not among them
    as_of: datetime | None  # UTC; None where a source knows no moment
    use_cases: tuple[str, ...]  # whose features they are
    models: Mapping[str, str] = field(default_factory=dict)  # versions by use case, of a day
    policy: str = ""  # of a day
    stale: bool = False  # whether it is a day too old for its customers to be addressed

    def known(self) -> NDArray[np.bool_]:
        """Of which customers anything is known."""
        missing = np.asarray(
            [self.encoder[one.name].index(MISSING) if one.type == "category" else np.nan for one in self.features]
        )
        return np.asarray(~(np.isnan(self.matrix) | (self.matrix == missing)).all(axis=1))
