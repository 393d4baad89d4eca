"""The strongest contributions of a score, as sentences of a reviewed catalogue."""

__all__ = ["reason", "reason_columns", "reasons"]
