"""Which candidate is trained, on which rows, and how far its seed alone moves it."""

__all__ = ["cross_validation", "judging", "opens_worth", "out_of_fold", "seasonality", "winner"]
