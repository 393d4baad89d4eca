"""The MLflow model around a bundle of clusters, as code: MLflow runs this file to load it, and nothing is pickled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel
from numpy.typing import NDArray

from features.spec.languages import LANGUAGES
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
        params: Mapping[str, Any] | None = None,
    ) -> NDArray[np.object_] | pd.DataFrame:
        """One code a row, shape (rows,); with `output` `answers` also its label in a `language`, how near the next is.

        Raises:
            ValueError: A parameter is not what it may be.
        """
        learned, nearest = self.bundle.learned, self.bundle.nearest
        cells = model_input[list(learned.names)].astype(object)
        rows = cells.where(cells.notna(), None).to_dict("records")
        found = nearest.assign(nearest.raw_of(columns_of(rows, learned)))
        names = np.asarray(learned.codes, dtype=object)
        codes: NDArray[np.object_] = names[found.which]
        if not params or params["output"] == "plain":
            return codes
        if params["output"] != "answers" or params["language"] not in LANGUAGES:
            raise ValueError("output must be plain or answers, language en or fr, got another.")
        labels = [learned.labels[code][params["language"]] for code in codes]
        columns = {"code": codes, "label": labels, "margin": found.margin, "next": names[found.next]}
        return pd.DataFrame(columns, index=model_input.index)


mlflow.models.set_model(ServedCluster())
