"""Values and whole columns become the numbers of a matrix, or a note of the rule they break."""

__all__ = ["block", "encoder", "file_values", "notes", "text_columns", "value_rules", "vectorised"]
