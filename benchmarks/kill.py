"""`python -m benchmarks.kill`: a training is killed (SIGKILL) at random moments; what stands afterwards must hold.

Moments are drawn over the time after a training has taken the home's turn, so that none falls into its imports.
After each kill the release that CURRENT names loads and replays its golden rows, and whatever versions the registry
holds can be fetched whole. The next run ends well, and then the alias `champion` and CURRENT agree. The use case is the
same in every round, with another seed, so that each round trains, registers and promotes anew.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.tasks import ROOT
from scoring.bundle.bundle import load_bundle
from scoring.bundle.golden_rows import replay
from scoring.releases.current_pointer import current_version
from scoring.releases.store import load_release
from training.registry.mlflow_registry import Registry

NAME, DAYS, SAID = "shop", 500, "said.txt"
USE_CASE = """
name = "shop"
polarity = "negative"
seed = {seed}
[events]
path = "events.parquet"
customer_id = "who"
timestamp = "at"
type = "purchase"
[window]
observation = "120d"
prediction = "60d"
[eligible]
active_within = "120d"
[label]
event = "purchase"
outcome = "absent"
"""


def main() -> int:
    """Kills as often as asked; 1 where anything did not hold."""
    asked = _parser().parse_args()
    random, wrong = np.random.default_rng(asked.seed), []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        home = folder / "home"
        _write_log(folder)
        seconds = _whole(folder, home, 0)
        for number in range(1, asked.kills + 1):
            moment = float(random.uniform(0.0, 1.0)) * seconds
            stage = _killed(folder, home, number, moment)
            broken = _broken(home)
            seconds = _whole(folder, home, number)
            broken += [f"afterwards {fault}" for fault in _broken(home, settled=True)]
            wrong += broken
            print(f"{number}: killed {moment:.1f} s into its turn, {stage}: {'; '.join(broken) or 'sound'}", flush=True)
    print(f"{asked.kills} kills, {len(wrong)} faults")
    return int(bool(wrong))


def _write_log(folder: Path) -> None:
    """A small shop's log: customers who come, buy at a pace of their own, and one day stop."""
    random, customers = np.random.default_rng(3), 600
    pace, ends = random.gamma(2.0, 0.015, customers), random.exponential(400, customers)
    days = np.arange(DAYS)
    who, day = np.nonzero((random.random((customers, DAYS)) < pace[:, None]) & (days < ends[:, None] + 60))
    start = pl.lit(np.datetime64("2024-01-01"))
    log = pl.DataFrame({"who": who, "day": day}).select("who", at=start + pl.duration(days="day"))
    log.write_parquet(folder / "events.parquet")


def _command(folder: Path, home: Path, number: int) -> list[str]:
    """A training of its own for each round: another seed."""
    file = folder / f"{NAME}.toml"
    file.write_text(USE_CASE.format(seed=number), encoding="utf-8")
    return [sys.executable, "-m", "training", "--home", str(home), "--promote", "always", str(file)]


def _started(folder: Path, home: Path, number: int) -> tuple[subprocess.Popen[bytes], float]:
    """A training that has taken its turn, and when it did."""
    lock = home / ".training.lock"
    lock.unlink(missing_ok=True)
    with (folder / SAID).open("wb") as said:
        command = _command(folder, home, number)
        process = subprocess.Popen(command, cwd=ROOT, stderr=said, stdout=subprocess.DEVNULL, start_new_session=True)
    while not lock.exists() and process.poll() is None:
        time.sleep(0.01)
    return process, time.monotonic()


def _whole(folder: Path, home: Path, number: int) -> float:
    """Seconds of a training's turn that is left alone; it must end well."""
    process, started = _started(folder, home, number)
    assert process.wait() == 0, (folder / SAID).read_text()
    return time.monotonic() - started


def _killed(folder: Path, home: Path, number: int, moment: float) -> str:
    """Kills a training some seconds into its turn; the last stage that it ended."""
    process, _ = _started(folder, home, number)
    try:
        process.wait(moment)
        otherwise = "had ended"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        otherwise = "in stage one"
    stages = re.findall(rf"^{NAME}: (\w+)", (folder / SAID).read_text(), re.MULTILINE)
    return f"after stage {stages[-1]}" if stages else otherwise


def _broken(home: Path, *, settled: bool = False) -> list[str]:
    """What does not hold in a home; `settled` asks that the registry and the release store name the same version."""
    registry, found = Registry(home), []
    champion, current = registry.champion(NAME), current_version(home, NAME)
    if settled and (champion is None or champion.number != current):
        found.append(f"champion is {champion and champion.number}, CURRENT is {current}")
    try:
        replay(load_release(home, NAME).bundle)
        latest = registry.latest(NAME)
        with tempfile.TemporaryDirectory() as folder:
            for version in {one.number: one for one in (champion, latest) if one}.values():
                at = Path(folder) / version.number
                at.mkdir()
                stored = registry.fetch(version, at)
                replay(load_bundle(stored.bundle))
    except (ValueError, OSError) as fault:
        found.append(str(fault))
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill", description="Kills trainings at any moment.")
    parser.add_argument("--kills", type=int, default=20, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
