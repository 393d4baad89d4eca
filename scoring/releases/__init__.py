"""The release store: promoted bundles on disk, and the log of promotion decisions."""

__all__ = ["current_pointer", "promotion_log", "served_counts", "store"]
