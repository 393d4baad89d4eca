"""The mathematics of a score: trees, linear models, Shapley values, calibration, bands and thresholds."""

__all__ = ["bands", "calibration", "imputation", "model", "threshold_planner"]
