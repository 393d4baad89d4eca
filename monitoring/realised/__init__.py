"""How good scores turned out to be, once the outcome is known: by day and version, with intervals."""

__all__ = ["matured"]
