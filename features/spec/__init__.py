"""What all packages share: features, the grammar of written values, the options of commands; no library but numpy."""

__all__ = [
    "booleans",
    "csv_dialect",
    "csv_sql",
    "data_files",
    "feature",
    "ids",
    "missing",
    "moments",
    "numbers",
    "options",
    "suppression_list",
    "terminal",
]
