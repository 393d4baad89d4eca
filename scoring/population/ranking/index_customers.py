"""Rows of a day's index as customers: their segment, and of each use case score, band and reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import UNSET
from numpy.typing import NDArray

from features.spec.feature import CUSTOMER_ID
from scoring.population.customer_pages import RankedCustomer, RankedReason, RankedScore
from scoring.population.day_index import UPLIFT, VALUE
from scoring.population.ranking.index_columns import IndexColumns


def customers_in(index: IndexColumns, rows: NDArray[np.int32] | Sequence[int]) -> list[RankedCustomer]:
    """What the index holds of rows, in their order."""
    taken = index.batch.take(pa.array(rows, pa.int32()))
    cells = {name: taken.column(name).to_pylist() for name in taken.schema.names}
    return [_customer(index, cells, row) for row in range(len(taken))]


def _customer(index: IndexColumns, cells: dict[str, list[Any]], row: int) -> RankedCustomer:
    scores = {name: score for name in index.use_cases if (score := _score(index, cells, row, name))}
    return RankedCustomer(cells[CUSTOMER_ID][row], index.facts.places[cells["place"][row]].segment, scores)


def _score(index: IndexColumns, cells: dict[str, list[Any]], row: int, name: str) -> RankedScore | None:
    status = _text(index, cells, row, f"{name}_status")
    if status is None:
        return None
    serves = index.good_uplift(name) is not None
    if status != "scored":
        valued = None if index.value_floors(name) else UNSET
        return RankedScore(status, None, None, None, None, [], None if serves else UNSET, valued)
    reasons = [column.removesuffix("_code") for column in index.reason_columns(name) if cells[column][row] >= 0]
    return RankedScore(
        status,
        cells[f"{name}_score"][row],
        cells[f"{name}_probability"][row],
        cells[f"{name}_percentile"][row],
        _text(index, cells, row, f"{name}_band"),
        [
            RankedReason(
                str(_text(index, cells, row, f"{reason}_code")),
                str(_text(index, cells, row, f"{reason}_feature")),
                cells[f"{reason}_value"][row],
                cells[f"{reason}_contribution"][row],
            )
            for reason in reasons
        ],
        cells[f"{name}.{UPLIFT}"][row] if serves else UNSET,
        cells[f"{name}.{VALUE}"][row] if index.value_floors(name) else UNSET,
    )


def _text(index: IndexColumns, cells: dict[str, list[Any]], row: int, column: str) -> str | None:
    number: int = cells[column][row]
    return None if number < 0 else index.facts.codes[column][number]
