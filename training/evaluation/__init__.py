"""How good probabilities are on rows with known outcomes: metrics, intervals, paired gains."""

__all__ = ["calibration_error", "evidence", "metrics", "paired_gain"]
