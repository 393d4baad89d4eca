"""A trained model with all that scoring needs, every file checked against its hash."""

__all__ = [
    "bundle",
    "families",
    "golden_rows",
    "manifest",
    "published_contributions",
    "reference",
    "scorer",
    "uplift_part",
    "value_part",
]
