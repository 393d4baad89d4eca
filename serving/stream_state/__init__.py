"""What a stream keeps in a home: inbox, history, segments, outbox and dead letters, and how it stands."""

__all__ = ["erasure", "open_state", "state", "status", "stream_gauges"]
