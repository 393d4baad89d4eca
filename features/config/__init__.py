"""The use-case file: which data, which moment, which question."""

__all__ = [
    "chosen_engine",
    "discover_section",
    "discovery_file",
    "file_errors",
    "origins",
    "sensitive",
    "several_logs",
    "use_case",
    "value_types",
]
