"""What is found in a source, incoherences and likely duplicates, and the data report as text and as a page."""

__all__ = ["coherence", "duplicates", "enrichment_checks", "log_coverage", "render"]
