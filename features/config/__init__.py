"""The use-case file: which data, which moment, which question."""

__all__ = ["use_case"]
