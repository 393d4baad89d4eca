"""The commands of monitoring, as `penchant` forwards to them."""

__all__ = ["alert_commands", "health_lines"]
