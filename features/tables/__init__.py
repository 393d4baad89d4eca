"""The table a model learns from: its bookkeeping, its schema, its target, the digests of what it is made from."""

__all__ = ["digests", "learning_table", "repeated_rows", "schema", "target"]
