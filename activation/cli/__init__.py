"""The commands of campaigns, as `penchant campaign` forwards to them."""

__all__ = ["main"]
