"""How good the scores of a day are expected to be, before its outcome is known."""

__all__ = ["expectation"]
