"""Engines that compute feature tables in the place of the DuckDB that reads the log."""

__all__ = ["engine_port", "open_engine"]
