"""Logs without customers' data, and metrics of all workers together."""

__all__ = ["day_gauges", "health_gauges", "logs", "metrics", "served_values", "worker_totals"]
