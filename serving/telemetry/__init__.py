"""Logs without customers' data, and metrics of all workers together."""

__all__ = ["health_gauges", "logs", "metrics", "worker_totals"]
