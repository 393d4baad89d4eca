"""Segments as checked rules: their policy, how customers are assigned, and the same as SQL."""

__all__ = [
    "assignment",
    "cut_points",
    "goals",
    "learned",
    "names",
    "personas",
    "policy",
    "policy_file",
    "repeated",
    "rule_texts",
    "rules",
    "segmentation_bundle",
    "segmentation_release",
    "sql",
]
