"""Value by risk: how many of the day's customers are of each value and band, what they will bring, and who they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import numpy as np

from scoring.answers.served_release import Live
from scoring.population.days import PopulationError
from scoring.privacy.suppression import SuppressionError
from serving.console.web.i18n import Texts

if TYPE_CHECKING:
    from scoring.population.ranked import DayIndex


@dataclass(frozen=True, slots=True)
class GridCell:
    """Customers of one value and one band."""

    customers: int
    expected: float  # the sum of what they will bring
    address: str  # of the list of them


@dataclass(frozen=True, slots=True)
class GridRow:
    """Customers of one value, from its least on to the next row's above."""

    floor: float
    ceiling: float | None  # None: the highest
    cells: Sequence[GridCell]  # by band, the lowest first
    customers: int
    expected: float


@dataclass(frozen=True, slots=True)
class ValueGrid:
    """The grid of a day, the highest values first, and what the model's test says of them."""

    day: str  # ISO date
    bands: Sequence[str]  # labels, the lowest first
    rows: Sequence[GridRow]
    expected: float
    horizon: int  # days
    currency: str
    profit: bool  # else it is revenue
    ratio: float | None  # predicted over actual, on the test


def valued_day(home: Path, live: Live) -> DayIndex | None:
    """The index of the day in service where it has the values of a version; None where it has none, or none is there.

    It reads files, so never on the loop that answers.
    """
    if not live.serves_value:
        return None
    from scoring.population.ranked import open_index  # few servers need pyarrow, which it brings

    name = live.release.bundle.name
    try:
        index = open_index(home)
    except (PopulationError, SuppressionError, OSError):
        return None
    same = index.day.manifest.models.get(name) == live.release.version
    return index if same and index.value_floors(name) else None


def value_grid(home: Path, live: Live, texts: Texts) -> ValueGrid | None:
    """The grid of the day in service; None where the version serves no value, or no day of it is there.

    It reads the day's index, so never on the loop that answers.
    """
    part, manifest, index = live.release.bundle.manifest.value, live.release.bundle.manifest, valued_day(home, live)
    if not part or index is None:
        return None
    from scoring.population.customer_pages import CustomerQuery  # few servers need pyarrow, which it brings

    floors, shown = index.value_floors(manifest.name), index.ranked(CustomerQuery(manifest.name))
    values, bands = index.values(manifest.name)[shown], index.bands(manifest.name)[shown]
    at = np.searchsorted(np.asarray(floors), values, side="right") - 1
    rows = []
    for level in reversed(range(len(floors))):
        cells = [
            GridCell(
                int((mine := (at == level) & (bands == code)).sum()),
                float(values[mine].sum()),
                urlencode(
                    {
                        "use_case": manifest.name,
                        "band": code,
                        "value": str(level + 1),
                        "order": "-value",
                        "language": texts.language,
                    }
                ),
            )
            for code in manifest.bands.codes
        ]
        ceiling = floors[level + 1] if level + 1 < len(floors) else None
        customers, expected = sum(cell.customers for cell in cells), sum(cell.expected for cell in cells)
        rows.append(GridRow(floors[level], ceiling, cells, customers, expected))
    labels = [named["label"] for named in live.bands[texts.language]]
    total = sum(row.expected for row in rows)
    day = index.as_of.date().isoformat()
    return ValueGrid(day, labels, rows, total, part.horizon, part.currency or "", part.of == "profit", part.test.ratio)
