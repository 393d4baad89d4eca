"""Commands killed at ten moments each: the home stays sound, and the next command leaves nothing of a customer behind.

The moments are spread over all that a command does to files and SQLite, from its first to its last. More of them:
`make kills`, or PENCHANT_KILLS with how many.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.audiences.snapshot import open_snapshot
from scoring.cli.main import main as score
from scoring.privacy import suppression
from scoring.releases.store import load_release
from serving.auth.api_keys import add_key, read_keys
from serving.cli.load import main as load
from serving.cli.suppress import main as suppress
from serving.customers.decision_log import Decisions
from serving.customers.feature_store import SqliteStore
from tests.support.answers import scored_result
from tests.support.kills import ERASED, OPERATIONS
from tests.support.models import release_shop, shop_rows, write_shop_bundle

ROOT = Path(__file__).parents[2]
MOMENTS = int(os.environ.get("PENCHANT_KILLS", "10"))
LOADED, GONE = "marked-as-loaded", "marked-as-erased"  # values that stand in one customer's rows only
KNOWN = [f"c{number}" for number in range(20)]
OBJECTED = ["objector-before-1", "objector-before-2"]
OBJECTING = [f"objector-now-{number}" for number in range(30)]

Kill = Callable[[str, Path, int | None], dict[str, int]]


def customers(ids: list[str], value: str | None = None, *, seed: int = 0) -> pa.Table:
    """Features of customers, with a value that stands nowhere else where one is given."""
    rows = [{"customer_id": one, **row} for one, row in zip(ids, shop_rows(len(ids), seed=seed), strict=True)]
    return pa.Table.from_pylist([{**row, "canal d'achat": value or row["canal d'achat"]} for row in rows])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home in use and what the commands read; each kill gets a copy."""
    folder, scratch = tmp_path_factory.mktemp("world"), tmp_path_factory.mktemp("bundles")
    home = folder / "home"
    release_shop(home, "propensity", scratch=scratch / "p")
    release_shop(home, "churn", scratch=scratch / "c", polarity="negative", seed=1)
    write_shop_bundle(folder / "bundle", "churn", polarity="negative", seed=2)
    write_shop_bundle(folder / "first", "churn", polarity="negative", seed=3)
    fill(home, folder)
    long = LOADED * 1500  # so that SQLite writes down what is not committed yet
    pq.write_table(customers([f"new{number}" for number in range(200)], long), folder / "load.parquet")
    pq.write_table(customers([f"m{number}" for number in range(300)], seed=4), folder / "customers.parquet")
    (folder / "objectors.txt").write_text("\n".join(OBJECTING))
    (folder / "contacts.csv").write_text(
        "\n".join(["customer_id,mail,ok", *(f"m{number},m{number}@x,yes" for number in range(300))])
    )
    (folder / "out").mkdir()
    words = ["snapshot", "--home", str(home), "--input", str(folder / "customers.parquet"), "--as-of", "2026-01-01"]
    assert score([*words, "--output", str(folder / "taken.parquet")]) == 0
    shutil.copy(folder / "taken.parquet", folder / "out/snapshot.parquet")
    (folder / "out/list.csv").write_text("customer_id\nbefore\n")
    return folder


def fill(home: Path, folder: Path) -> None:
    """Stored customers, one of them to be erased with decisions and a request, objectors and a key."""
    pq.write_table(customers(KNOWN), folder / "known.parquet")
    pq.write_table(customers([ERASED], GONE), folder / "gone.parquet")
    for name in ("known", "gone"):
        assert load([str(folder / f"{name}.parquet"), "--home", str(home)]) == 0
    suppression.add(home, OBJECTED)
    add_key(home, "first", ["score"])
    decisions = Decisions(home, days=9, on=True)
    decisions.record("r", None, [scored_result(ERASED, score=1.0, version="1", reasons=(GONE,))])
    decisions.flush()
    (home / "requests").mkdir()
    profiles = [{"customer_id": one, "features": {"canal d'achat": text}} for one, text in ((ERASED, GONE), ("c1", ""))]
    (home / "requests/churn.json").write_text(json.dumps({"profiles": profiles}))


@pytest.fixture(scope="module")
def kill() -> Iterator[Kill]:
    """Runs an operation in a fork of one process that has imported everything, and kills it at a moment."""
    line = [sys.executable, "-m", "tests.support.kills"]
    with subprocess.Popen(
        line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        asking, answering = process.stdin, process.stdout
        assert asking
        assert answering

        def ask(operation: str, folder: Path, kill_at: int | None) -> dict[str, int]:
            asking.write(json.dumps({"operation": operation, "folder": str(folder), "kill_at": kill_at}) + "\n")
            asking.flush()
            answer: dict[str, int] = json.loads(answering.readline())
            return answer

        yield ask
        asking.close()


def moments(count: int) -> list[int]:
    """The first event, the last, and others spread between them."""
    return sorted({1 + (count - 1) * step // (MOMENTS - 1) for step in range(MOMENTS)})


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_kill_leaves_a_sound_home_and_nothing_of_a_customer(
    operation: str, world: Path, kill: Kill, tmp_path: Path
) -> None:
    """What was there is there, what was begun is done or not; the next command cleans up, and the same one succeeds."""
    whole = kill(operation, shutil.copytree(world, tmp_path / "whole"), None)
    assert whole["status"] == 0
    assert whole["events"] >= 10
    after = (tmp_path / "whole/out/list.csv").read_bytes()

    for moment in moments(whole["events"]):
        folder = shutil.copytree(world, tmp_path / f"at-{moment}")
        assert kill(operation, folder, moment)["status"] == -9
        sound(folder, after)
        assert suppress(["count", "--home", str(folder / "home")]) == 0
        assert leftovers(folder / "home") == []
        assert named(folder / "home", LOADED) <= ({"store.db"} if stored(folder, "new0") else set())
        assert not any(named(folder / "home", one) for one in (*OBJECTED, OBJECTING[0]))
        again = kill(operation, folder, None)["status"]
        assert again == 0 or (operation == "keys" and len(read_keys(folder / "home").keys) == 2)
        sound(folder, after, erased=operation == "erase")
        assert leftovers(folder) == []
        if operation == "erase":
            assert named(folder / "home", GONE) | named(folder / "home", ERASED) == set()
        shutil.rmtree(folder)


def sound(folder: Path, exported: bytes, *, erased: bool = False) -> None:
    """Every part of a home can be read, and holds all or nothing of what was begun."""
    home = folder / "home"
    for name in ("churn", "propensity"):
        assert load_release(home, name).version in ("1", "2")
    listed = suppression.open_suppression(home)
    assert listed
    assert listed.among(OBJECTED) == set(OBJECTED)
    assert len(listed.among(OBJECTING)) in (0, len(OBJECTING))
    assert suppression.count(home) - len(OBJECTED) in (0, len(OBJECTING))
    assert stored(folder, *KNOWN) == len(KNOWN)
    assert stored(folder, *(f"new{number}" for number in range(200))) in (0, 200)
    assert not (erased and stored(folder, ERASED))
    assert "first" in {key.name for key in read_keys(home).keys}
    assert len(open_snapshot(folder / "out/snapshot.parquet").rows) == 300
    assert (folder / "out/list.csv").read_bytes() in (b"customer_id\nbefore\n", exported)


def stored(folder: Path, *ids: str) -> int:
    """How many of some customers the store has."""
    return len(SqliteStore(folder / "home/store.db").find(ids))


def leftovers(folder: Path) -> list[str]:
    """Drafts, folders that were to be replaced, and logs of SQLite that are not empty."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.name.endswith((".tmp", ".old")) or (path.name.endswith("-wal") and path.stat().st_size)
    ]


def named(folder: Path, text: str) -> set[str]:
    """The files that hold a text."""
    files: Any = (path for path in folder.rglob("*") if path.is_file())
    return {path.name for path in files if text.encode() in path.read_bytes()}
