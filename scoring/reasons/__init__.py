"""The strongest contributions of a score, as sentences of a reviewed catalogue."""

__all__ = ["reason_columns", "reasons"]
