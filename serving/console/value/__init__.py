"""What the console shows of what customers will bring."""

__all__ = ["value_grid"]
