"""The customers of a home day by day: who they are, their scores, reasons and segments, and what a day read."""

__all__ = [
    "cursors",
    "customer_history",
    "customer_lists",
    "customer_pages",
    "daily_file",
    "day_index",
    "days",
    "forget",
    "history",
    "home_contacts",
    "moves",
    "partitioned",
    "ranked",
    "read_days",
    "segment_table",
    "write_day",
]
