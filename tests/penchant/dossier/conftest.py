"""The home with one of everything, as the tests of retention have it."""

from __future__ import annotations

from tests.penchant.retention.conftest import full

__all__ = ["full"]
