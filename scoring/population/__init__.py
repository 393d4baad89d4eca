"""The customers of a home day by day: who they are, their scores, reasons and segments, and what a day read."""

__all__ = ["daily_file", "day_index", "days", "forget", "moves", "read_days", "write_day"]
