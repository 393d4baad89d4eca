"""What monitoring leaves of each use case for readers: its health, and how good its scores turned out to be."""

__all__ = ["alert_file", "health_file", "matured_windows", "monitoring_folder"]
