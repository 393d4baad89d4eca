"""The floor: starlette by hand, one thread, nothing checked."""

import json
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import xgboost as xgb
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

booster = xgb.Booster({"nthread": 1}, model_file=os.environ["BENCH_MODEL"])
names = booster.feature_names or []


async def predict(request: Request) -> JSONResponse:
    """One row's probability."""
    features = json.loads(await request.body())["features"]
    row = np.array([[features[name] for name in names]], dtype=np.float32)
    probability = booster.inplace_predict(row, validate_features=False)
    return JSONResponse({"probability": float(probability[0])})


app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
