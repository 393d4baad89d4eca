"""Campaigns: outcomes by arm, the effect with its interval, and what to do next."""

__all__ = ["log_outcomes", "matured", "outcome_file", "outcome_store", "result"]
