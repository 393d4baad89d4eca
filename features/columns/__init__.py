"""Columns of any source read as what they are: expressions in the engine, types and written forms found in cells."""

__all__ = [
    "categories",
    "column_report",
    "expressions",
    "format_inference",
    "personal_columns",
    "text_parsing",
    "type_inference",
]
