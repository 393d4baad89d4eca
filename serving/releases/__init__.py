"""The releases in service: read from the release store, verified, and swapped while requests go on."""

__all__ = ["watcher"]
