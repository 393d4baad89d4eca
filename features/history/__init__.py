"""A log of events as it is used: typed, checked, encoded, customers merged, its first and last day found."""

__all__ = ["encoded_log", "event_log", "identities", "typed_rows"]
