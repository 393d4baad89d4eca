"""The candidates: linear and additive models, forests and boosted trees, fitted, imputed and calibrated."""

__all__ = ["blending", "calibrate", "candidates", "fit", "lesson", "level_rates", "linear", "splines"]
