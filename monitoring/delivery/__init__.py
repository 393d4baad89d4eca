"""Alerts on their way: the log, signed webhooks, e-mail, and an outbox on the disk until each has arrived."""

__all__ = ["messages", "outbox"]
