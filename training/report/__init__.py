"""What a training leaves to be read: the HTML report, its plots, and the record of the run."""

__all__ = ["comparisons", "discovery_page", "html", "run_record", "terminal"]
