"""From all that was measured to one state: fine, to be watched, or not to be trusted, each with its reasons."""

__all__ = ["judge", "look"]
