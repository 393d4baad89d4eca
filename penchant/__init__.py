"""Penchant from Python: `from penchant import train, score, explain, population`; loaded when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penchant.notebook.calls import explain, population, score, train

__all__ = ["explain", "population", "score", "train"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from penchant.notebook import calls

    return getattr(calls, name)
