"""From the health of a home to alerts: opened once, ended when it is gone, each with one thing to do."""

__all__ = ["goals", "list_goals", "settle_alerts"]
