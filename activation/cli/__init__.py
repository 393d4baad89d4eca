"""The commands of campaigns and deliveries, as `penchant campaign` and `penchant activate` forward to them."""

__all__ = ["daily_deliveries", "main"]
