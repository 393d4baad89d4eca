"""What a batch's rows were answered, as columns: of each use case, and what segments' rules read of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.encoding.encoder import Encoder
from scoring.encoding.file_values import file_reader
from scoring.segments.rules import NullableColumn


@dataclass(frozen=True, slots=True)
class UseCaseAnswers:
    """One use case's columns of a batch, and the rows as encoded."""

    columns: dict[str, pa.Array]
    encoder: Encoder
    matrix: NDArray[np.float64]
    clusters: dict[str, pa.Array]  # of segmentations that read these rows

    def field(self, field: str, codes: tuple[str, ...]) -> NullableColumn:
        """What a segment's rule reads of the answers."""
        if field in ("lowest_band", "highest_band"):
            return nullable_column(pc.equal(self.columns["band"], codes[0] if field == "lowest_band" else codes[-1]))
        return nullable_column(self.columns[field])

    def feature(self, name: str, table: pa.Table) -> list[Any] | NullableColumn:
        """What a segment's rule reads of the rows: categories by their level, all else as encoded."""
        position = [feature.name for feature in self.encoder.features].index(name)
        feature = self.encoder.features[position]
        if feature.type == "category":
            read = file_reader(feature)
            return self.encoder.as_scored(name, [read(cell)[0] for cell in table.column(name).to_pylist()])
        values = self.matrix[:, position]
        known = ~np.isnan(values)
        return NullableColumn(np.where(known, values, 0.0), known)


@dataclass(frozen=True, slots=True)
class BatchAnswers:
    """A table's answers: whose they are, and each use case's part."""

    customers: pa.Array  # ids as text
    parts: Mapping[str, UseCaseAnswers]
    discovered: Mapping[str, pa.Array] = field(default_factory=dict)  # of learned clusters, by whichever use case

    def columns(self, *, prefixed: bool) -> dict[str, pa.Array]:
        """All parts' columns, with the use case's name before them where asked."""
        return {
            f"{name}_{column}" if prefixed else column: values
            for name, part in self.parts.items()
            for column, values in part.columns.items()
        }


def nullable_column(column: pa.Array) -> NullableColumn:
    """A column as rules read it: texts as they are, numbers and truths as float64."""
    known = column.is_valid().to_numpy(zero_copy_only=False)
    if not pa.types.is_string(column.type):
        return NullableColumn(column.cast(pa.float64()).fill_null(0.0).to_numpy(), known)
    encoded = column.fill_null("").dictionary_encode()
    return NullableColumn(np.asarray(encoded.dictionary.to_pylist(), dtype=object)[encoded.indices.to_numpy()], known)
