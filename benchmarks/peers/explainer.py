"""BentoML with pandas and shap's TreeExplainer, as their quickstarts write them."""

import os
from typing import Any

import bentoml
import numpy as np
import pandas as pd
import shap
import xgboost as xgb


@bentoml.service(resources={"cpu": "2"}, traffic={"timeout": 10})
class Explainer:
    """A booster and its explainer."""

    def __init__(self) -> None:
        self.model = xgb.Booster(model_file=os.environ["BENCH_MODEL"])
        self.explainer = shap.TreeExplainer(self.model)

    @bentoml.api
    def predict(self, data: pd.DataFrame) -> list[dict[str, Any]]:
        """The probability of each row and its three strongest contributions."""
        probabilities = self.model.predict(xgb.DMatrix(data))
        contributions = self.explainer.shap_values(data)
        return [
            {
                "probability": float(probability),
                "reasons": {data.columns[at]: float(values[at]) for at in np.argsort(-np.abs(values))[:3]},
            }
            for probability, values in zip(probabilities, contributions, strict=True)
        ]
