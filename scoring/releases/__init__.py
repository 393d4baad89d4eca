"""The release store: promoted bundles on disk, and the log of promotion decisions."""

__all__ = ["promotion_log", "store"]
