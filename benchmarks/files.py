"""Files of customers: our batch against reading, a bare predict and writing, each in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import ROOT
from benchmarks.world import NAME, World

WOODELF = ("woodelf-explainer==0.4.8", "treelite==4.8.1")


@dataclass(frozen=True)
class Cost:
    """What one process used."""

    cpu_seconds: float
    seconds: float
    peak_bytes: int


def ours(world: World, source: Path, *, reasons: int = 0) -> Cost:
    """`python -m scoring` over a file."""
    options = ["--use-case", NAME, "--input", str(source), "--reasons", str(reasons)]
    return run(["-m", "scoring", "--home", str(world.home), *options, "--output", str(world.folder / "ours.parquet")])


def bare(world: World, source: Path) -> Cost:
    """Read, predict, write by hand."""
    return run(["-m", "benchmarks.bare", str(world.model), str(source), str(world.folder / "bare.parquet")])


def shapley(world: World, source: Path, way: str) -> Cost | None:
    """Shapley values by another (`benchmarks.peers.bulk`); None where WOODELF cannot be installed."""
    libraries = _woodelf(world.folder / "woodelf") if way == "woodelf" else ROOT
    if libraries is None:
        return None
    target = world.folder / f"{way}.parquet"
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, libraries)))}
    return run(["-m", "benchmarks.peers.bulk", way, str(world.model), str(source), str(target)], environment=found)


def _woodelf(folder: Path) -> Path | None:
    """WOODELF and what only it needs, in a folder of their own beside the libraries of the lock."""
    if not folder.exists():
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        options = ["--quiet", "--no-deps", "--python", sys.executable, "--target", str(folder)]
        if subprocess.run([uv, "pip", "install", *options, *WOODELF], check=False).returncode:
            return None
    return folder


def run(arguments: list[str], *, folder: Path = ROOT, environment: Mapping[str, str] | None = None) -> Cost:
    """What a process of Python's used, its children included.

    Raises:
        RuntimeError: It failed.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}: {said.decode()[-2000:]}")
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - started, used.ru_maxrss * 1024)
