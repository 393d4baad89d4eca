"""What the data report says of a source: incoherences, likely duplicates, the report as text and as a page."""

__all__ = ["coherence", "duplicates", "render"]
