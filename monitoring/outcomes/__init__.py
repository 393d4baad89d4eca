"""What became of the customers whom a day scored: kept from the day on, filled in once its outcome is known."""

__all__ = ["from_log", "given", "outcome_file", "settle", "source_facts"]
