"""Which candidate is trained, on which rows, and how far its seed alone moves it."""

__all__ = ["cross_validation", "out_of_fold", "seasonality", "winner"]
