"""The kinds of destinations, each a file behind one protocol."""

__all__ = ["kinds"]
