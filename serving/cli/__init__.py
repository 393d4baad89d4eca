"""The commands of `python -m serving`, and the demo of `make run`."""

__all__ = ["demo", "load", "ports", "replay", "suppress"]
