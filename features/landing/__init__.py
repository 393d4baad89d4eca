"""What lies at an address, landed: a copy in the home, checked, refreshed and cleared of whoever was erased."""

__all__ = ["first", "ingest", "registered"]
