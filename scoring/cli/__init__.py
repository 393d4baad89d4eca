"""The command line of `python -m scoring`."""

__all__ = ["main"]
