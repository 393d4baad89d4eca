"""Files of features hold customers: their owner's alone, whole or not there, and nothing is left of a killed build."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import polars as pl
import pytest

from tests.support import forks

ROOT = Path(__file__).parents[3]
USE_CASE = """
name = "shop"
polarity = "negative"
[events]
path = "events.csv"
customer_id = "who"
timestamp = "at"
type = "purchase"
[window]
prediction = "30d"
[label]
event = "purchase"
outcome = "absent"
[quality]
bad_rows = 0.5
"""
# Ends by SIGKILL as it is about to put its n-th file in place.
KILLED = """
import os, signal, sys
from features.__main__ import main
left = int(sys.argv.pop(1))
def hook(event, arguments):
    global left
    if event == "os.rename":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
sys.exit(main())
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a log, one row of which has no moment that can be read."""
    days = [f"c{at % 20},2024-0{1 + at % 5}-1{at % 7}" for at in range(200)]
    (tmp_path / "events.csv").write_text("\n".join(["who,at", *days, "c3,someday", ""]))
    (tmp_path / "shop.toml").write_text(USE_CASE)
    return tmp_path


def build(shop: Path, out: str, *, kill_at: int = 0) -> int:
    """The exit status of `features build`, killed where asked as its n-th file is written."""
    words = ["build", str(shop / "shop.toml"), "--cutoff", "2024-05-01", "--out", str(shop / "made" / out)]
    return forks.run(["-c", KILLED, str(kill_at), *words], cwd=ROOT, env=os.environ).returncode


def files(shop: Path) -> dict[str, int]:
    """Every file that a build made, and its permissions."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (shop / "made").rglob("*") if path.is_file()}


@pytest.mark.parametrize("out", ["features.csv", "features.parquet"])
def test_a_build_is_its_owners_alone_and_leaves_nothing_of_a_kill(shop: Path, out: str) -> None:
    """Under a wide umask: killed at each file, all that lies there is 0600, and the next build takes drafts away."""
    before = os.umask(0o022)
    try:
        for moment in (1, 2):
            assert build(shop, out, kill_at=moment) == -signal.SIGKILL
            drafts = [name for name in files(shop) if name.endswith(".tmp")]
            assert len(drafts) == 1
            assert set(files(shop).values()) == {0o600}
        assert build(shop, out) == 0
    finally:
        os.umask(before)

    assert files(shop) == {out: 0o600, "shop-events.parquet": 0o600}
    assert pl.read_parquet(shop / "made/quarantine/shop-events.parquet")["at"].to_list() == ["someday"]
