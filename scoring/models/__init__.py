"""The mathematics of a score: trees, additive models, Shapley values, calibration, bands and thresholds."""

__all__ = ["additive", "bands", "calibration", "imputation", "model", "threshold_planner"]
