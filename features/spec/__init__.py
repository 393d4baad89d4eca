"""What all packages share: features, the grammar of written values, languages, the options; no library but numpy."""

__all__ = [
    "booleans",
    "csv_dialect",
    "csv_sql",
    "data_files",
    "feature",
    "ids",
    "languages",
    "missing",
    "moments",
    "numbers",
    "options",
    "suppression_list",
    "terminal",
]
