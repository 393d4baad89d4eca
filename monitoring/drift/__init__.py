"""How today's customers differ from those that a model learned from, ranked by what that does to their scores."""

__all__ = ["damage", "sampled_day", "score_drift", "served_drift"]
