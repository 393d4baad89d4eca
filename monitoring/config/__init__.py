"""HOME/monitor.toml: from where on something is said, to whom, and when not."""

__all__ = ["monitor_file"]
