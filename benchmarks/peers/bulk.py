"""Shapley values of a file's customers, and nothing else: `... bulk woodelf|pred_contribs MODEL SOURCE TARGET`.

Read from Parquet and written to it, no row checked, nothing ordered and nothing said in words. WOODELF
(`woodelf-explainer`, MIT) is given all rows in one call, since it prepares its tables anew in each.
"""

import sys

import numpy as np
import pandas as pd
import xgboost

from benchmarks.bare import encoded


def woodelf(booster: xgboost.Booster, rows: pd.DataFrame) -> np.ndarray:
    """By tables over the patterns of a leaf."""
    from woodelf import WoodelfExplainer

    found: np.ndarray = WoodelfExplainer(booster).shap_values(rows)
    return found


def pred_contribs(booster: xgboost.Booster, rows: pd.DataFrame) -> np.ndarray:
    """By xgboost's own walk."""
    found: np.ndarray = booster.predict(xgboost.DMatrix(rows), pred_contribs=True)[:, :-1]
    return found


if __name__ == "__main__":
    way, model, source, target = sys.argv[1:]
    booster = xgboost.Booster(model_file=model)
    names = booster.feature_names or []
    parts = [pd.DataFrame(matrix, columns=names, index=ids.to_numpy(False)) for ids, matrix in encoded(source, names)]
    rows = pd.concat(parts)
    values = {"woodelf": woodelf, "pred_contribs": pred_contribs}[way](booster, rows)
    pd.DataFrame(values, columns=names, index=rows.index).to_parquet(target)
