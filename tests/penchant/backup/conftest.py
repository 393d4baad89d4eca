"""The home with one of everything, to back up."""

from tests.penchant.retention.conftest import full

__all__ = ["full"]
