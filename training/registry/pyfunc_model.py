"""The MLflow model around a bundle, as code: MLflow runs this file to load it, and nothing is pickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from scoring.bundle.bundle import load_bundle
from scoring.bundle.golden_rows import replay
from scoring.bundle.scorer import Scorer


class ServedProbability(mlflow.pyfunc.PythonModel):
    """A frame with a use case's features in, the served probabilities out."""

    def load_context(self, context: Any) -> None:
        """Loads the bundle; one whose golden rows cannot be reproduced is refused."""
        bundle = load_bundle(Path(context.artifacts["bundle"]))
        replay(bundle)
        self.scorer = Scorer(bundle)

    def predict(
        self,
        context: Any,  # noqa: ARG002 MLflow's signature
        model_input: pd.DataFrame,
        params: Any = None,  # noqa: ARG002 MLflow's signature
    ) -> NDArray[np.float64]:
        """One probability a row, shape (rows,); NaN where the row breaks a feature's rule."""
        encoder = self.scorer.encoder
        columns = {name: _column(model_input[name]) for name in (feature.name for feature in encoder.features)}
        encoded = encoder.table(pa.table(columns))
        probability = self.scorer.score(encoded.matrix).probability
        probability[list(encoded.errors)] = np.nan
        return probability


def _column(values: pd.Series) -> pa.Array:
    """A pandas column as arrow, whatever pandas made of its gaps; mixed ones as text."""
    try:
        return pa.Array.from_pandas(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if pd.isna(value) else str(value) for value in values], type=pa.string())


mlflow.models.set_model(ServedProbability())
