"""What is said of a source: incoherences, likely duplicates, columns filled in part; as text and as a page."""

__all__ = ["coherence", "duplicates", "filled", "render"]
