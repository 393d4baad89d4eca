"""What the test rows show of a model, on its page: outcomes on both sides of a threshold, what features do."""

__all__ = ["confusion", "dependence"]
