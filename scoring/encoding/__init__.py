"""Values and whole columns become the numbers of a matrix, or a note of the rule they break."""

__all__ = ["block", "encoder", "value_rules", "vectorised"]
