"""Calls with an `Idempotency-Key`: done once, however often they arrive."""

__all__ = ["answered_calls", "once"]
