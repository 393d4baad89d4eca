"""Segments as checked rules: their policy, how customers are assigned, and the same as SQL."""

__all__ = [
    "assignment",
    "cut_points",
    "goals",
    "names",
    "policy",
    "policy_file",
    "repeated",
    "rule_texts",
    "rules",
    "sql",
]
