"""Which candidate is trained, on which rows, and how far its seed alone moves it."""

__all__ = ["cross_validation", "seasonality", "winner"]
