"""A real `penchant activate sync`, killed from outside at random moments: the next one ends it."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from features.spec.suppression_list import keyed, read_key
from scoring.privacy import suppression
from tests.support import forks
from tests.support.deliveries import KEY, DeliveryWorld, address, hot, world
from tests.support.fakes.base import FakeVendor, serving
from tests.support.vendors import VENDORS, Vendor

RUNS = int(os.environ.get("PENCHANT_DELIVERIES", "1"))  # `make deliveries` takes 20 of each
_SECONDS = 120  # that a sync may take on a busy machine


def started(made: DeliveryWorld, file: Path) -> forks.Forked:
    """A sync as its owner starts it."""
    words = ["-m", "penchant", "activate", "sync", str(file), "--home", str(made.home), "--allow-shrink", "dest"]
    with (made.folder / "said").open("ab") as said:
        environment = {**os.environ, **KEY}
        return forks.start(words, cwd=forks.ROOT, env=environment, stdin=None, stdout=said, stderr=said)


@contextmanager
def killing(fake: FakeVendor, at: int, *, done: bool) -> Iterator[list[forks.Forked]]:
    """Kills the process that is put into the list while its nth request is handled, before or after it is done."""
    victims: list[forks.Forked] = []
    first = len(fake.requests)

    def strike(number: int) -> None:
        if number - first >= at and victims and victims[0].poll() is None:
            os.kill(victims[0].pid, signal.SIGKILL)

    name = "done" if done else "before"
    setattr(fake, name, strike)
    yield victims
    setattr(fake, name, lambda _n: None)


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda one: one.kind)
@pytest.mark.parametrize("run", range(RUNS))
def test_a_process_killed_from_outside_is_ended_by_the_next(vendor: Vendor, tmp_path: Path, run: int) -> None:
    """Nobody is there twice, nobody who objected leaves the house, and what is acknowledged is what is there."""
    draw = random.Random(f"{vendor.kind} {run}")
    made = world(tmp_path, 40)
    with serving(fake := vendor.fake(made.people)) as url:
        file = made.file(vendor.section(url))
        for step in range(2):
            with killing(fake, draw.randint(1, 6), done=draw.random() < 0.5) as victims:
                victims.append(started(made, file))
                assert victims[0].wait(_SECONDS) in (0, -signal.SIGKILL)
            suppression.add(made.home, [gone := f"c{step + 3}"])
            seen = len(fake.requests)
            assert started(made, file).wait(_SECONDS) == 0, (tmp_path / "said").read_text()

            left = hot(made, but={f"c{one + 3}" for one in range(step + 1)})
            assert sorted(one for one, _ in fake.listed_rows()) == sorted(left)
            written = [str(body) for _, path, body in fake.requests[seen:] if body and "emove" not in path + str(body)]
            assert not [body for body in written if address(gone) in body and "inactive" not in body]
            assert members(made) == {keyed(read_key(made.home), one) for one in made.people if address(one) in left}
        assert fake.broken == []


@pytest.mark.parametrize("run", range(RUNS))
def test_a_file_is_whole_whenever_its_writer_is_killed(tmp_path: Path, run: int) -> None:
    """It is the one before, or the new one; the next sync makes it the new one."""
    draw = random.Random(run)
    made = world(tmp_path, 40)
    file, target = made.file('kind = "file"\nurl = "out"'), tmp_path / "out/dest.csv"
    assert started(made, file).wait(_SECONDS) == 0
    before = target.read_bytes()
    made.segments = {"c3": "cold"}
    made.write()
    process = started(made, file)
    time.sleep(draw.random() * 0.5)  # whenever it comes: what is asserted holds at each moment
    process.send_signal(signal.SIGKILL)
    process.wait(_SECONDS)
    between = target.read_bytes()
    assert started(made, file).wait(_SECONDS) == 0

    assert between in (before, target.read_bytes())
    assert target.read_text().count("@") == 39
    assert [one.name for one in target.parent.iterdir() if not one.name.endswith(".tmp")] == ["dest.csv"]


def members(made: DeliveryWorld) -> set[bytes]:
    """Whom the ledger has, by keyed hash."""
    connection = sqlite3.connect(made.home / "deliveries/dest.db")
    found = {who for (who,) in connection.execute("SELECT who FROM member")}
    assert connection.execute("SELECT COUNT(*) FROM pending").fetchone() == (0,)
    connection.close()
    return found
