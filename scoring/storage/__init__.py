"""Files on disk: tables read a batch at a time, and small SQLite files."""

__all__ = ["csv_rows", "id_columns", "leftovers", "spreadsheet", "sqlite", "table_files"]
