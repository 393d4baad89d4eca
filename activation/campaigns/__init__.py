"""Campaigns: outcomes by arm, the effect with its interval, and what to do next."""

__all__ = [
    "cost",
    "log_outcomes",
    "matured",
    "outcome_file",
    "outcome_record",
    "outcome_store",
    "result",
    "threshold_move",
    "threshold_test",
]
