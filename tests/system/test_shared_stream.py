"""Two workers share a topic and a state in PostgreSQL: one is killed, another comes, and nothing shows of it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scoring.population.days import days_of
from scoring.population.write_day import part_of_day
from serving.stream_state.open_state import open_state
from serving.stream_state.state import StatePlace, StreamState
from serving.stream_state.status import streams_of
from serving.streams.config import Reach
from serving.streams.kafka_sink import KafkaSink
from serving.streams.port import Outgoing
from tests.support import postgres
from tests.support.brokers import kafka_mock
from tests.support.postgres import Cluster
from tests.support.streamed import ListSource, messages_of, worker_of
from tests.support.worlds import EXAMPLES

ROOT = Path(__file__).parents[2]
CUSTOMERS, POISON, PATIENCE = 300, ("{bad", "[]", '{"id": "p", "customer_id": ""}'), 600.0
NAMES, FIELDS = ("propensity", "churn"), ("status", "score", "probability")
Worker = subprocess.Popen[bytes]
Stand = tuple[object, ...]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL."""
    with postgres.cluster() as running:
        yield running


@pytest.fixture
def home(examples_home: Path, tmp_path: Path) -> Path:
    """A home to which the stream alone brings its history."""
    own = Path(shutil.copytree(examples_home, tmp_path / "home"))
    (own / "run.toml").unlink()
    return own


def purchases() -> list[dict[str, Any]]:
    """Of the first customers, each with an id."""
    log = pl.read_parquet(EXAMPLES / "cdnow/transactions.parquet").with_columns(pl.col("date").cast(pl.String))
    rows = log.filter(pl.col("customer_id").cast(pl.Int64) <= CUSTOMERS).to_dicts()
    return [{"id": f"e{number}", **row} for number, row in enumerate(rows)]


def shuffled(rows: Sequence[dict[str, Any]]) -> list[Outgoing]:
    """Messages in any order, one in ten twice, some that are poison; a customer's go to any partition."""
    chance = random.Random(26)
    bodies = [json.dumps(row).encode() for row in [*rows, *rows[::10]]] + [text.encode() for text in POISON]
    chance.shuffle(bodies)
    return [Outgoing(id=str(number), body=body, key=f"k{number}") for number, body in enumerate(bodies)]


def start(file: Path, home: Path, as_of: str, address: str) -> Worker:
    """A worker, which has the address of the state by its variable."""
    command = [sys.executable, "-W", "ignore", "-m", "penchant", "stream", str(file), "--home", str(home)]
    surroundings = {**os.environ, "STREAM_STATE": address}
    return subprocess.Popen([*command, "--as-of", as_of], cwd=ROOT, env=surroundings, stdout=subprocess.DEVNULL)


def until(reached: Callable[[], bool], workers: Sequence[Worker]) -> None:
    """Waits for something that these workers bring about."""
    last = time.monotonic() + PATIENCE
    while not reached():
        assert all(worker.poll() is None for worker in workers), "a worker ended by itself"
        assert time.monotonic() < last, "the workers do not get on"
        time.sleep(0.1)


def stands_of(state: StreamState) -> dict[str, Stand]:
    """Segment and scores of each customer in a state."""
    found: dict[str, Stand] = {}
    for customer, segment, text in state.ask("SELECT customer_id, segment, scores FROM stands"):
        scores = json.loads(str(text))
        found[str(customer)] = (segment, *(scores[name][field] for name in NAMES for field in FIELDS))
    return found


def nightly(home: Path, customers: Sequence[str]) -> dict[str, Stand]:
    """Where the batch put them."""
    table = part_of_day(days_of(home)[-1], range(64)).rows
    columns = ["customer_id", "segment", *(f"{name}_{field}" for name in NAMES for field in FIELDS)]
    rows = zip(*(table.column(name).to_pylist() for name in columns), strict=True)
    return {row[0]: row[1:] for row in rows if row[0] in set(customers)}


def history_of(state: StreamState) -> list[Stand]:
    """Every event, but for the numbers that a database gave."""
    return [*state.ask("SELECT contract, customer_id, content, mark FROM history ORDER BY 1, 2, 3, 4")]


def test_two_workers_with_a_kill_and_a_rebalance_end_as_one(home: Path, tmp_path: Path, cluster: Cluster) -> None:
    """In the history each event once, and every customer where one worker over a file, and the batch, put them."""
    rows, place = purchases(), StatePlace("shared", postgres=cluster.address)
    every, as_of = shuffled(rows), days_of(home)[-1].manifest.as_of
    state = open_state(place)
    taken = len(rows) + len(POISON)

    def inbox() -> int:
        return int(str(state.ask("SELECT COUNT(*) FROM inbox")[0][0]))

    def joined(*numbers: str) -> bool:
        return {one.worker for one in streams_of(home) if one.running and one.lag is not None} >= set(numbers)

    with kafka_mock() as servers:
        file = tmp_path / "shared.toml"
        source = f'[source]\nkind = "kafka"\nservers = "{servers}"\ntopic = "purchases"\nid = "id"\nmost = 20\n'
        file.write_text(f'{source}[state]\npostgres_env = "STREAM_STATE"\n')
        sink = KafkaSink(Reach(servers=servers), "purchases")
        sink.publish(every[:20])
        first = start(file, home, as_of.isoformat(), cluster.address)
        until(lambda: joined("1"), [first])
        second = start(file, home, as_of.isoformat(), cluster.address)
        workers = [first, second]
        try:
            until(lambda: joined("1", "2"), workers)
            sink.publish(every[20 : len(every) // 2])
            until(lambda: inbox() > taken // 4, workers)
            first.send_signal(signal.SIGKILL)
            first.wait()
            sink.publish(every[len(every) // 2 :])
            workers = [second, start(file, home, as_of.isoformat(), cluster.address)]
            until(lambda: inbox() == taken, workers)
            for worker in workers:
                worker.terminate()
            ended = [worker.wait(PATIENCE) for worker in workers]
        finally:
            sink.close()
            for worker in (first, *workers):
                worker.kill()
                worker.wait()

    alone = worker_of(tmp_path / "home", ListSource(messages_of(json.dumps(row) for row in rows)),
                      clock=lambda: as_of, id="id", most=500)  # fmt: skip
    alone.run(once=True)
    customers = sorted({str(row["customer_id"]) for row in rows})
    found = stands_of(state)
    assert ended == [0, 0]
    assert {one.worker for one in streams_of(home)} >= {"1", "2"}
    assert len(history_of(state)) == len(rows) * len(alone.scorer.contracts)
    assert history_of(state) == history_of(alone.state)
    assert state.ask("SELECT COUNT(*) FROM dead") == [(len(POISON),)]
    assert found == stands_of(alone.state) == nightly(home, customers)
    assert len(found) == CUSTOMERS
    state.close()
    alone.state.close()
