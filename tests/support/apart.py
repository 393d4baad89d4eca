"""A coroutine run to its end beside a loop that a browser's driver may keep running in this thread."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run_apart(call: Coroutine[Any, Any, T]) -> T:
    """What it gives, in a thread of its own."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, call).result()
