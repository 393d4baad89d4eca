"""The use-case file: which data, which moment, which question."""

__all__ = [
    "discover_section",
    "discovery_file",
    "engine",
    "file_errors",
    "origins",
    "sensitive",
    "several_logs",
    "use_case",
    "value_types",
]
