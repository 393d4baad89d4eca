"""Logs without customers' data, and metrics of all workers together."""

__all__ = ["logs", "metrics", "worker_totals"]
