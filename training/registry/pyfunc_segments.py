"""The MLflow model around a bundle of clusters, as code: MLflow runs this file to load it, and nothing is pickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel
from numpy.typing import NDArray

from scoring.segments.segmentation_bundle import columns_of, load_segmentation_bundle


class ServedCluster(PythonModel):
    """A frame with the features that clusters read in, the served codes out."""

    def load_context(self, context: Any) -> None:
        """Loads the bundle; one whose golden rows cannot be reproduced is refused."""
        self.bundle = load_segmentation_bundle(Path(context.artifacts["bundle"]))

    def predict(
        self,
        context: Any,  # noqa: ARG002 MLflow's signature
        model_input: pd.DataFrame,
        params: Any = None,  # noqa: ARG002 MLflow's signature
    ) -> NDArray[np.object_]:
        """One code a row, shape (rows,)."""
        learned, nearest = self.bundle.learned, self.bundle.nearest
        cells = model_input[list(learned.names)].astype(object)
        rows = cells.where(cells.notna(), None).to_dict("records")
        found = nearest.assign(nearest.raw_of(columns_of(rows, learned)))
        return np.asarray(learned.codes, dtype=object)[found.which]


mlflow.models.set_model(ServedCluster())
