"""The columns of a day's index: codes as numbers, probabilities, places, each where it stands on the disk."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring.population.day_index import CLUSTER, REASONS, REFRESH, UPLIFT, VALUE, IndexFacts, number_of, read_facts

Mask = NDArray[np.bool_]


class IndexColumns:
    """The columns of a batch that an index holds, and what they are named after."""

    def __init__(self, schema: pa.Schema, batch: pa.RecordBatch) -> None:
        self.facts: IndexFacts = read_facts(schema)
        self.batch = batch
        self.names = frozenset(batch.schema.names)

    @property
    def use_cases(self) -> list[str]:
        """Those that the day was scored with."""
        return list(self.facts.use_cases)

    @property
    def says_refresh(self) -> bool:
        """Whether the day says whose data are missing."""
        return f"{REFRESH}.rank" in self.names

    def column(self, name: str) -> NDArray[Any]:
        """A column of numbers, where it stands."""
        return np.asarray(self.batch.column(name).to_numpy(zero_copy_only=True))

    def equal(self, column: str, code: str) -> Mask:
        """Which rows have a code in a column of codes."""
        found: Mask = self.column(column) == number_of(self.facts.codes[column], code)
        return found

    def with_reason(self, use_case: str | None, code: str) -> Mask:
        """Which rows have a code among their reasons."""
        found = np.zeros(len(self.batch), np.bool_)
        for column in self.reason_columns(use_case):
            found |= self.equal(column, code)
        return found

    def reason_columns(self, use_case: str | None) -> list[str]:
        """The columns of its codes; none where the day holds reasons no more."""
        columns = [f"{use_case}_reason_{rank}_code" for rank in range(1, REASONS + 1)]
        return [column for column in columns if column in self.names]

    @cached_property
    def segments(self) -> list[str]:
        """The codes of the policy, and those beside them that somebody is in."""
        found = {code for place in self.facts.places for code in place.codes}
        return [*self.facts.segments, *sorted(found - set(self.facts.segments))]

    @cached_property
    def clusters(self) -> list[str]:
        """The learned clusters that somebody is in, as `habits.group_2`."""
        columns = sorted(name for name in self.facts.codes if name.endswith(CLUSTER))
        return [f"{name.removesuffix(CLUSTER)}.{code}" for name in columns for code in self.facts.codes[name]]

    def good_uplift(self, name: str) -> Literal["higher", "lower"] | None:
        """Which uplift is worth a contact; None where the day has none of the use case."""
        known = self.facts.use_cases.get(name)
        return (known.good_uplift or None) if known else None

    def uplifts(self, name: str) -> NDArray[np.float64]:
        """What a contact adds to every row's probability; NaN where it was not scored."""
        return self.column(f"{name}.{UPLIFT}")

    def value_floors(self, name: str) -> tuple[float, ...]:
        """Where bands of value begin, rising; none where the day has no values of the use case."""
        known = self.facts.use_cases.get(name)
        return (known.value_floors or ()) if known else ()

    def values(self, name: str) -> NDArray[np.float64]:
        """What every customer will bring; NaN where they were not scored."""
        return self.column(f"{name}.{VALUE}")

    def bands(self, name: str) -> NDArray[np.object_]:
        """The code of every row's band; empty where it has none."""
        codes = np.asarray([*self.facts.codes[f"{name}_band"], ""], dtype=object)
        return np.asarray(codes[self.column(f"{name}_band")])  # -1 is the last

    def probabilities(self, name: str) -> NDArray[np.float64]:
        """Every row's probability of a use case; NaN where it has none."""
        return self.column(f"{name}_probability")
