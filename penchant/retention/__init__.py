"""Every store that a home can hold, how long each is kept, and what is purged by that."""

__all__ = ["obey", "returned", "status"]
