"""The Python client of the API, sync and async; it imports of ours the types of the answers alone."""

__all__ = ["client"]
