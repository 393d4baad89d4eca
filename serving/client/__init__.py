"""The Python client of the API, sync and async; it imports nothing else of ours."""

__all__ = ["client"]
