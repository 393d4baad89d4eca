"""The command `penchant`, which only forwards."""

__all__ = ["forward"]
