"""The commands of monitoring, as `penchant` forwards to them."""

__all__ = ["health_lines"]
