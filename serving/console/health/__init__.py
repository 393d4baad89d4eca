"""The health of a home as its page shows it."""

__all__ = ["health_board"]
