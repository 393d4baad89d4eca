"""Files, folders and databases opened as one table in the engine; rows that break a rule set aside and counted."""

__all__ = ["duckdb_sql", "engine", "engines", "quarantine", "rejected_rows", "source"]
