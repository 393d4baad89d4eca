"""What all packages share: features, how values are written, languages, options, the one atomic write; numpy alone."""

__all__ = [
    "atomic",
    "booleans",
    "csv_dialect",
    "csv_sql",
    "data_files",
    "data_report",
    "derive",
    "feature",
    "ids",
    "languages",
    "missing",
    "moments",
    "numbers",
    "options",
    "raw_events",
    "source_register",
    "suppression_list",
    "terminal",
    "texts",
]
