"""A log of events as it is used: typed, checked, encoded, customers merged, its first and last day found."""

__all__ = [
    "dictionary",
    "distinct_slugs",
    "encoded_log",
    "event_log",
    "identities",
    "log_forms",
    "log_span",
    "orders",
    "tracking_consent",
    "typed_rows",
    "window_events",
]
