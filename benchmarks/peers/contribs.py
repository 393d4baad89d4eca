"""FastAPI with pydantic and xgboost's own contributions, as their quickstarts write them."""

import os
from typing import Any

import numpy as np
import xgboost as xgb
from fastapi import FastAPI
from pydantic import create_model

booster = xgb.Booster(model_file=os.environ["BENCH_MODEL"])
names = booster.feature_names or []
fields: dict[str, Any] = dict.fromkeys(names, (float, ...))
Profile = create_model("Profile", **fields)
app = FastAPI()


@app.post("/predict")
def predict(profile: Profile) -> dict[str, Any]:  # type: ignore[valid-type]  # made at run time, for FastAPI
    """One row's probability and its three strongest contributions."""
    row = xgb.DMatrix(np.array([[getattr(profile, name) for name in names]]), feature_names=names)
    probability = booster.predict(row)[0]
    values = booster.predict(row, pred_contribs=True)[0, :-1]
    strongest = np.argsort(-np.abs(values))[:3]
    return {"probability": float(probability), "reasons": {names[at]: float(values[at]) for at in strongest}}
