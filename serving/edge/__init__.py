"""The outermost layer of a worker: every request comes in and every answer goes out by it."""

__all__ = ["edge", "site"]
