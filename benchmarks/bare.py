"""Reading, a bare predict, writing: what no batch can go below that uses the same libraries; nothing is checked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from scoring.lean_imports import bar_training_libraries

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

ROWS = 65_536  # read at once


def encoded(source: str, names: Sequence[str]) -> Iterator[tuple[pa.Array, NDArray[np.float32]]]:
    """The ids of a file's customers and their rows as the booster reads them, by parts."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    levels = pa.array([f"level {number}" for number in range(12)])

    def numbers(column: pa.Array) -> np.ndarray:
        codes = pc.add(pc.index_in(column, levels), 2) if pa.types.is_string(column.type) else column
        found: np.ndarray = codes.to_numpy(zero_copy_only=False)
        return found

    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(ROWS):
            matrix = np.column_stack([numbers(batch.column(name)) for name in names])
            yield batch.column("customer_id"), matrix.astype(np.float32)


def main(model: str, source: str, target: str) -> None:
    """Probabilities of a file's customers."""
    bar_training_libraries()  # before xgboost is imported: half of what a short run costs
    import pyarrow as pa
    import pyarrow.parquet as pq
    import xgboost

    booster = xgboost.Booster(model_file=model)
    schema = pa.schema([("customer_id", pa.string()), ("probability", pa.float32())])
    with pq.ParquetWriter(target, schema) as writer:
        for ids, matrix in encoded(source, booster.feature_names or []):
            probability = booster.inplace_predict(matrix, validate_features=False)
            writer.write_table(pa.table([ids, pa.array(probability)], schema=schema))


if __name__ == "__main__":
    main(*sys.argv[1:])
