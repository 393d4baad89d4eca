"""A Spark cluster of this machine beside one machine's command: equal files, processor time, a worker killed meanwhile.

Processor time is that of all processes: the driver's, its JVM, master, workers, executors and their Pythons. What a run
costs whatever its rows (six JVMs begin) is measured on two files of a thousand, one a worker, and stands beside it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.world import NAME, World, build, write_customers
from tests.support.spark_cluster import ROOT, SparkCluster, spark_cluster

FEW = 1_000
LOOK = 0.05  # seconds between two looks at what processes have used


class Meter:
    """What trees of processes use while a block runs, those that end meanwhile too, but for their last moment."""

    def __init__(self, roots: list[psutil.Process]) -> None:
        self._roots = roots
        self._first = self._look()
        self._last = dict(self._first)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Meter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def add(self, root: psutil.Process) -> None:
        """Counts another tree, from its own beginning."""
        self._roots.append(root)

    @property
    def seconds(self) -> float:
        """Processor time."""
        return sum(used - self._first.get(key, 0.0) for key, used in self._last.items())

    def _watch(self) -> None:
        while not self._over.wait(LOOK):
            self._last |= self._look()

    def _look(self) -> dict[tuple[int, float], float]:
        found: dict[tuple[int, float], float] = {}
        for root in self._roots:
            with suppress(psutil.NoSuchProcess):
                for one in (root, *root.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess):
                        times = one.cpu_times()
                        found[one.pid, one.create_time()] = times.user + times.system
        return found


@dataclass(frozen=True)
class Way:
    """One machine or a cluster, as the command is started for it."""

    words: list[str]
    environment: dict[str, str]
    cluster: SparkCluster | None = None

    def score(
        self, home: Path, source: Path, target: Path, reasons: int, meanwhile: Callable[[Path], None] = lambda _: None
    ) -> float:
        """Scores a file; returns the processor time that it took."""
        files = ["--home", str(home), "--use-case", NAME, "--input", str(source), "--output", str(target)]
        with Meter(list(self.cluster.processes) if self.cluster else []) as meter:
            process = subprocess.Popen(
                [sys.executable, "-m", "scoring", *files, "--reasons", str(reasons), *self.words],
                env={**os.environ, **self.environment},
                cwd=ROOT,
                stderr=subprocess.DEVNULL,
            )
            meter.add(psutil.Process(process.pid))
            meanwhile(target)
            code = process.wait()
            if self.cluster is not None:
                time.sleep(2)  # executors end after their driver
        if code:
            raise RuntimeError(f"The command must end with 0, got {code}.")
        return meter.seconds


def compared(
    here: Way, there: Way, world: World, source: Path, rows: int, counts: list[int], begins: tuple[float, float]
) -> None:
    """A comparison for each count of reasons, and whether the files are equal."""
    home, folder = world.home, world.folder
    for reasons in counts:
        ours, theirs = folder / "here.parquet", folder / "there"
        alone, spread = here.score(home, source, ours, reasons), there.score(home, source, theirs, reasons)
        equal = pq.read_table(ours).equals(pq.read_table(theirs))
        whole, beyond = alone / spread, (alone - begins[0]) / (spread - begins[1])
        print(
            f"{rows:,} rows, {reasons} reasons: one machine {alone:.1f} s, cluster {spread:.1f} s of processor time; "
            f"{rows / alone:,.0f} and {rows / spread:,.0f} rows a second and core, {whole:.2f} of one machine's; "
            f"beyond what begins {beyond:.2f}; equal to the bit: {equal}",
            flush=True,
        )
        shutil.rmtree(theirs)


def killed(world: World, source: Path, rows: int, reasons: int) -> None:
    """A worker and its executor are ended by SIGKILL while rows are scored; the file is that of one machine."""
    folder = world.folder
    with spark_cluster() as running:
        seen: list[int] = []

        def kill(target: Path) -> None:
            while not (parts := list(target.parent.glob(f".{target.name}.*/part-*.parquet"))):
                time.sleep(0.01)
            seen.append(len(parts))
            running.kill_worker()

        on_cluster(running).score(world.home, source, folder / "killed", reasons, kill)
    expected, found = pq.read_table(folder / "here.parquet"), pq.read_table(folder / "killed")
    lost, doubled = rows - len(found), len(found) - pc.count_distinct(found.column("customer_id")).as_py()
    print(
        f"a worker killed with {seen[0]} parts written: {lost} rows lost, {doubled} doubled; "
        f"equal to the bit: {expected.equals(found)}",
        flush=True,
    )


def on_cluster(cluster: SparkCluster) -> Way:
    """The command as a cluster's driver."""
    return Way(["--engine", "spark", "--master", cluster.master], dict(cluster.environment), cluster)


def main() -> None:
    """Prints one line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--reasons", type=int, nargs="+", default=[0, 3], help="a worker is killed with the last")
    options = parser.parse_args()
    rows, reasons = options.rows, options.reasons
    with tempfile.TemporaryDirectory() as name:
        world = World(Path(name) / "world")
        build(world)
        source, few = world.folder / "customers.parquet", world.folder / "few"
        write_customers(source, rows)
        few.mkdir()
        for number in range(2):
            write_customers(few / f"{number}.parquet", FEW)
        here = Way([], {})
        with spark_cluster() as cluster:
            there = on_cluster(cluster)
            begins = (
                here.score(world.home, few, world.folder / "few-here.parquet", 0),
                there.score(world.home, few, world.folder / "few-there", 0),
            )
            print(
                f"what begins, twice {FEW:,} rows: one machine {begins[0]:.1f} s, cluster {begins[1]:.1f} s", flush=True
            )
            compared(here, there, world, source, rows, reasons, begins)
        killed(world, source, rows, reasons[-1])


if __name__ == "__main__":
    main()
