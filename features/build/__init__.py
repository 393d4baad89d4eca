"""A use case in, checked feature tables out: to learn from, to score, as files, or to look for leaks."""

__all__ = [
    "discovery_rows",
    "export",
    "history_export",
    "known_customers",
    "log_table",
    "prove",
    "spend",
    "without_opens",
]
