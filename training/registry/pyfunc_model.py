"""The MLflow model around a bundle, as code: MLflow runs this file to load it, and nothing is pickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
from mlflow.pyfunc.model import PythonModel

from features.spec.feature import Feature
from scoring.bundle.bundle import load_bundle
from scoring.bundle.golden_rows import replay
from scoring.bundle.scorer import Scorer
from scoring.encoding.file_values import as_json, file_reader


class ServedProbability(PythonModel):
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
    ) -> Any:
        """One probability a row, shape (rows,); NaN where the row breaks a feature's rule.

        Where the bundle serves the effect of a contact, a frame: `probability`, `uplift` and both log-odds.
        """
        encoder = self.scorer.encoder
        columns = {feature.name: _column(model_input[feature.name], feature) for feature in encoder.features}
        encoded = encoder.table(pa.table(columns))
        scored, broken = self.scorer.score(encoded.matrix), list(encoded.errors)
        probability = scored.probability
        probability[broken] = np.nan
        effects = self.scorer.uplift(encoded.matrix, scored.margin)
        if effects is None:
            return probability
        frame = pd.DataFrame(
            {
                "probability": probability,
                "uplift": effects.uplift,
                "log_odds_if_treated": effects.treated,
                "log_odds_if_not": effects.control,
            }
        )
        frame.loc[broken] = np.nan
        return frame


def _column(values: pd.Series, feature: Feature) -> pa.Array:
    """A pandas column as arrow, whatever pandas made of its gaps; of mixed types, each cell as it would be posted."""
    kinds = {type(value) for value in values if not _is_gap(value)} if values.dtype == object else set()
    if len(kinds) < 2:
        return pa.Array.from_pandas(values)
    read = file_reader(feature)
    cells = [None if _is_gap(value) else as_json(read(value)[0]) for value in values]
    return pa.array(cells, pa.float64() if feature.type in ("number", "integer") else None)


def _is_gap(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


mlflow.models.set_model(ServedProbability())
