"""What customers did after a date, and the rate of it with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from features.spec.feature import CUSTOMER_ID
from scoring.audiences.snapshot import AudienceError
from scoring.storage.id_columns import id_column
from scoring.storage.table_files import read_batches

_Z = 1.959963984540054  # two-sided 95%
_OUTCOMES = {"0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1, "": None}  # as CSV holds them


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The 95% score interval of a rate (Wilson, 1927); all of 0..1 where nothing was tried.

    >>> tuple(round(bound, 4) for bound in wilson(5, 10))
    (0.2366, 0.7634)
    """
    if not trials:
        return 0.0, 1.0
    rate, slack = hits / trials, _Z * _Z / trials
    centre = (rate + slack / 2) / (1 + slack)
    reach = _Z / (1 + slack) * math.sqrt(rate * (1 - rate) / trials + slack / (4 * trials))
    return max(centre - reach, 0.0), min(centre + reach, 1.0)


class RealisedRate(TypedDict):
    """What members did, of those of whom it is known; `rate` with its 95% interval."""

    known: int
    hits: int
    rate: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RealisedOutcomes:
    """What customers did after the first date."""

    known: Mapping[str, bool]  # by customer id
    complete: bool = False  # whoever is not named did not

    def of(self, customers: Iterable[str]) -> list[bool]:
        """The outcomes that are known."""
        return [self.known.get(one, False) for one in customers if self.complete or one in self.known]


def read_outcomes(path: Path, column: str) -> RealisedOutcomes:
    """Outcomes by customer; a file of ids alone names all who had the outcome.

    Raises:
        AudienceError: It lacks a column, or holds an outcome other than 0 and 1.
        BatchError: It cannot be read.
    """
    found: dict[str, bool] = {}
    complete = False
    for table in read_batches(path):
        if CUSTOMER_ID not in table.column_names:
            raise AudienceError(f"{path.name} must hold customer_id, got no such column.")
        complete = table.column_names == [CUSTOMER_ID]
        if not complete and column not in table.column_names:
            raise AudienceError(f"{path.name} must hold {column} beside customer_id, or customer_id alone.")
        values = [1] * len(table) if complete else table.column(column).to_pylist()
        values = [_OUTCOMES.get(value.strip().casefold(), value) if type(value) is str else value for value in values]
        if any(value not in (0, 1, None) for value in values):
            raise AudienceError(f"{column} of {path.name} must be 0, 1 or null, got something else.")
        ids = id_column(table.column(CUSTOMER_ID)).to_pylist()
        known = {one: bool(value) for one, value in zip(ids, values, strict=True) if None not in (one, value)}
        found |= known
    return RealisedOutcomes(found, complete)


def realised_rate(known: int, hits: int) -> RealisedRate:
    """The rate of hits among those known, with its interval."""
    low, high = wilson(hits, known)
    return {"known": known, "hits": hits, "rate": hits / known if known else None, "low": low, "high": high}
