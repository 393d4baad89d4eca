"""What a machine is, and four small jobs on it: by these the figures of one machine are held beside another's.

One-row calls cost what Python and the kernel cost, batches what arithmetic and memory cost. Where two
machines differ more in one than in the other, so do ratios between contenders that do more of the one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_VECTORS = ("avx512f", "avx2", "asimd", "sse4_2")  # the widest first


@dataclass(frozen=True, slots=True)
class Machine:
    """A processor, and microseconds of it that each job takes; the least of five turns."""

    processor: str
    vectors: str
    caches: str
    python_us: float  # a loop of 10,000 additions in Python
    arithmetic_us: float  # the exponential of 100,000 numbers in numpy
    memory_us: float  # 16 MiB copied
    kernel_us: float  # 1,000 bytes written to a pipe, one by one, and read

    def __str__(self) -> str:
        """In a line."""
        jobs = {
            "10,000 additions in Python": self.python_us,
            "100,000 exponentials in numpy": self.arithmetic_us,
            "16 MiB copied": self.memory_us,
            "1,000 writes to a pipe": self.kernel_us,
        }
        costs = ", ".join(f"{name} {spent:,.0f} us" for name, spent in jobs.items())
        return f"{self.processor} ({self.vectors}; caches {self.caches}): {costs}"


def machine() -> Machine:
    """This one, now."""
    described = _described()
    values, block = np.linspace(-5, 5, 100_000), np.zeros(16 * 2**20, dtype=np.uint8)
    return Machine(
        described.get("model name", "unknown"),
        next((name for name in _VECTORS if name in described.get("flags", "").split()), "unknown"),
        _caches(),
        _least(lambda: sum(number + 1 for number in range(10_000))),
        _least(lambda: np.exp(values)),
        _least(block.copy),
        _least(_written),
    )


def _described() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _caches() -> str:
    sizes = sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"))
    return ", ".join(size.read_text(encoding="ascii").strip() for size in sizes) or "unknown"


def _least(job: Callable[[], object]) -> float:
    spent = []
    for _ in range(5):
        before = time.process_time()
        job()
        spent.append(time.process_time() - before)
    return 1e6 * min(spent)


def _written() -> None:
    read, write = os.pipe()
    for _ in range(1_000):
        os.write(write, b"x")
    os.read(read, 1_000)
    os.close(read)
    os.close(write)
