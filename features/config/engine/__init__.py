"""Which engine computes the features of a log: by the file, or by the command line."""

__all__ = ["chosen_engine"]
