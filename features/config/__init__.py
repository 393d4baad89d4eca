"""The use-case file: which data, which moment, which question."""

__all__ = ["file_errors", "sensitive", "several_logs", "use_case", "value_types"]
