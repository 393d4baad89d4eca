"""What a stream begins with: the clean events of each use case's own log."""

__all__ = ["history_step"]
