"""The mathematics of a score: trees, additive models, blends, Shapley values, calibration, bands and thresholds."""

__all__ = [
    "additive",
    "bands",
    "calibration",
    "imputation",
    "model",
    "purchases",
    "stored_model",
    "threshold_planner",
    "uplift_market",
    "value_model",
]
