"""BentoML with pandas, as its quickstart for xgboost writes it."""

import os

import bentoml
import numpy as np
import pandas as pd
import xgboost as xgb


@bentoml.service(resources={"cpu": "2"}, traffic={"timeout": 10})
class Quickstart:
    """A booster behind a data frame."""

    def __init__(self) -> None:
        self.model = xgb.Booster(model_file=os.environ["BENCH_MODEL"])

    @bentoml.api
    def predict(self, data: pd.DataFrame) -> np.ndarray:
        """The probability of each row."""
        return self.model.predict(xgb.DMatrix(data))
