"""`xgboost.train` under MLflow's own autolog, as their quickstarts write it: `... autolog TABLE.csv POSITIVE`.

One table in, one model logged to MLflow's default store, a SQLite file in the folder it is started in: metrics of each
round, parameters, a plot of importances, the model with its signature and the requirements that MLflow finds out.
"""

import sys

import mlflow
import pandas as pd
import xgboost as xgb

ROUNDS = 300
TRAINED = 0.8  # of the rows; the others are watched

if __name__ == "__main__":
    source, positive = sys.argv[1:]
    rows = pd.read_csv(source)
    label = rows.pop("y").astype(str) == positive
    for name in rows.select_dtypes(exclude="number"):
        rows[name] = rows[name].astype("category")
    first = int(TRAINED * len(rows))
    trained = xgb.DMatrix(rows[:first], label=label[:first], enable_categorical=True)
    watched = xgb.DMatrix(rows[first:], label=label[first:], enable_categorical=True)
    mlflow.xgboost.autolog()
    params = {"objective": "binary:logistic", "eta": 0.05, "max_depth": 4}
    xgb.train(params, trained, ROUNDS, evals=[(watched, "watched")], verbose_eval=False)
