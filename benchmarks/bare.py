"""Reading, a bare predict, writing: what no batch can go below that uses the same libraries; nothing is checked."""

from __future__ import annotations

import sys

from scoring.lean_imports import bar_training_libraries


def main(model: str, source: str, target: str) -> None:
    """Probabilities of a file's customers."""
    bar_training_libraries()  # before xgboost is imported: half of what a short run costs
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    import xgboost

    levels = pa.array([f"level {number}" for number in range(12)])
    booster = xgboost.Booster(model_file=model)
    names = booster.feature_names or []
    schema = pa.schema([("customer_id", pa.string()), ("probability", pa.float32())])

    def numbers(column: pa.Array) -> np.ndarray:
        codes = pc.add(pc.index_in(column, levels), 2) if pa.types.is_string(column.type) else column
        found: np.ndarray = codes.to_numpy(zero_copy_only=False)
        return found

    with pq.ParquetFile(source) as file, pq.ParquetWriter(target, schema) as writer:
        for batch in file.iter_batches(65_536):
            matrix = np.column_stack([numbers(batch.column(name)) for name in names])
            probability = booster.inplace_predict(matrix.astype(np.float32), validate_features=False)
            writer.write_table(pa.table([batch.column("customer_id"), pa.array(probability)], schema=schema))


if __name__ == "__main__":
    main(*sys.argv[1:])
