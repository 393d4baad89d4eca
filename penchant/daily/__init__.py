"""The daily run: from sources to the population of the day, its segments and the online store."""

__all__ = ["day", "day_features", "day_steps", "monitoring_steps", "run_file", "run_state"]
