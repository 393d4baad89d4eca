"""From a registered version to the one that serves: the gate, its guards, aliases and releases."""

__all__ = ["champion", "decision_log", "gate", "promote", "sync"]
