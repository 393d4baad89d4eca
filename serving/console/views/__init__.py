"""What a page shows, worked out before any template is rendered."""

__all__ = [
    "customer_days",
    "customer_rows",
    "day_market",
    "named_features",
    "plan",
    "promotions",
    "rule_words",
    "score_history",
    "scored_customer",
    "scored_file",
    "segment_board",
    "segment_changes",
    "segment_sizes",
    "what_if",
]
