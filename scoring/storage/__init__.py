"""Files on disk: tables read a batch at a time, small SQLite files, and what is written whole or not at all."""

__all__ = ["atomic", "csv_rows", "id_columns", "leftovers", "spreadsheet", "sqlite", "table_files"]
