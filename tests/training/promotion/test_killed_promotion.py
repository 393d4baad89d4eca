"""A promotion that is killed at any step, the registry's among them, leaves a home that serves and promotes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import polars as pl

from scoring.bundle.golden_rows import replay
from scoring.releases.current_pointer import current_version
from scoring.releases.store import load_release
from tests.support import forks
from training.__main__ import main
from training.registry.mlflow_registry import Registry

ROOT = Path(__file__).parents[3]
MOMENTS = 3
# Counts steps on files and databases once the home is taken, and ends by SIGKILL at one; says how many there were.
KILLED = """
import os, signal, sys
from training.__main__ import main
kill_at, count, begun = int(sys.argv.pop(1)), 0, False
def hook(event, arguments):
    global count, begun
    begun = begun or (event == "open" and str(arguments[0]).endswith(".training.lock"))
    if begun and event in ("os.rename", "sqlite3.connect", "os.link", "os.mkdir", "os.remove"):
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
code = main()
print(count, flush=True)
sys.exit(code)
"""
USE_CASE = """
name = "shop"
polarity = "positive"
seed = {seed}
candidate = "logit"
[table]
path = "shop.parquet"
label = "bought"
positive = 1
"""


def promoted(home: Path, version: str, kill_at: int = 0) -> tuple[int, str]:
    """The exit status of `promote`, and how many steps it took where it was left alone."""
    command = ["-c", KILLED, str(kill_at), "promote", "shop", version, "--home", str(home)]
    done = forks.run(command, cwd=ROOT, env=os.environ)
    return done.returncode, (done.stdout.split() or [""])[-1]


def test_a_killed_promotion_leaves_a_release_that_serves(tmp_path: Path) -> None:
    """At the first step, the last and between: the release replays; the next one makes alias and pointer agree."""
    random, home = np.random.default_rng(5), tmp_path / "home"
    spent = random.normal(size=600)
    bought = (random.random(600) < 1 / (1 + np.exp(-2 * spent))).astype(int)
    pl.DataFrame({"spent": spent, "bought": bought}).write_parquet(tmp_path / "shop.parquet")
    for seed in (1, 2):
        (tmp_path / "shop.toml").write_text(USE_CASE.format(seed=seed))
        assert main([str(tmp_path / "shop.toml"), "--home", str(home), "--promote", "always"]) == 0
    status, steps = promoted(home, "1")
    assert status == 0

    for at, moment in enumerate(np.linspace(1, int(steps), MOMENTS).astype(int).tolist()):
        version = "21"[at % 2]
        assert promoted(home, version, moment)[0] == -signal.SIGKILL
        assert replay(load_release(home, "shop").bundle)
        assert main(["promote", "shop", version, "--home", str(home)]) == 0
        champion = Registry(home).champion("shop")
        assert champion is not None
        assert champion.number == current_version(home, "shop") == version
        assert not [path for path in home.rglob("*") if path.name.endswith(".tmp")]
