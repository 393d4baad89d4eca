"""How good probabilities are on rows with known outcomes: metrics, intervals, paired gains."""

__all__ = ["evidence", "metrics", "paired_gain"]
