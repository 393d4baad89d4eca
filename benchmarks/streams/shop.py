"""CDNOW as a stream: its messages, the home that takes them in, the processes that do, and what stands then."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.streams.brokers import Broker
from scoring.population.days import days_of
from serving.streams.port import Outgoing

ROOT = Path(__file__).parents[2]
LOG = ROOT / "examples" / "cdnow" / "transactions.parquet"
SEED = 7
DOUBLES = 20  # one in so many comes twice
POISON = [
    *("{bad", "[]", '"text"', "", "\x00", '{"id": "p1"}', '{"id": "p2", "customer_id": ""}', '{"a": 1, "a": 2}'),
    *(f'{{"id": "q{n}", "customer_id": "1", "date": "no day", "amount": 1}}' for n in range(3)),
    *(f'{{"id": "r{n}", "customer_id": "1", "date": "1998-01-01", "amount": "much"}}' for n in range(3)),
]
_USE_CASES = ("propensity", "churn")
_FIELDS = ("status", "score", "probability")


def poison(count: int) -> list[Outgoing]:
    """So many messages that break rules."""
    texts = [*POISON, *(f'{{"id": "s{n}", "customer_id": "1", "date": "{n}"}}' for n in range(count - len(POISON)))]
    return [Outgoing(id=f"poison{n}", body=text.encode()) for n, text in enumerate(texts)]


class Shop:
    """A home without a history of its own, to which one stream brings every event."""

    def __init__(self, folder: Path, home: Path, broker: Broker, most: int, customers: int | None = None) -> None:
        """Copies a home that has a day in service; of so many customers are the events that come, None: of all."""
        self.broker, self._folder, self._most = broker, folder, most
        self.home, self.state = folder / "home", folder / "home" / "streams" / "state.db"
        shutil.copytree(home, self.home)
        (self.home / "run.toml").unlink(missing_ok=True)  # so that the history comes by the stream alone
        shutil.rmtree(self.home / "streams", ignore_errors=True)
        self._day = days_of(self.home)[-1]
        log = pl.read_parquet(LOG).with_columns(pl.col("date").cast(pl.Date).cast(pl.String))
        self.customers = sorted(set(log["customer_id"].cast(pl.String)), key=int)[:customers]
        self.purchases = log.filter(pl.col("customer_id").cast(pl.String).is_in(self.customers)).to_dicts()

    def messages(self, bad: int = len(POISON)) -> list[Outgoing]:
        """Every purchase, shuffled, one in twenty twice, with messages that break rules; each customer is a key."""
        events = [
            Outgoing(id=f"e{n}", key=str(row["customer_id"]), body=json.dumps({"id": f"e{n}", **row}).encode())
            for n, row in enumerate(self.purchases)
        ]
        chance = random.Random(SEED)  # noqa: S311 - no secret
        every = [*events, *chance.sample(events, len(events) // DOUBLES), *poison(bad)]
        chance.shuffle(every)
        return every

    def publish(self, every: Sequence[Outgoing]) -> None:
        """To the topic or queue of events."""
        sink = self.broker.sink("events")
        sink.publish(every)
        sink.close()

    def command(self, *words: str, name: str = "shop") -> list[str]:
        """`penchant stream`, as of the day in service."""
        file = self._folder / f"{name}.toml"
        file.write_text(self.broker.toml(self.state, self._most))
        as_of = self._day.manifest.as_of.isoformat()
        return [
            *(sys.executable, "-W", "ignore", "-m", "penchant", "stream", str(file)),
            *("--home", str(self.home), "--as-of", as_of, *words),
        ]

    def start(self, *words: str, name: str = "shop") -> subprocess.Popen[bytes]:
        """A worker."""
        return subprocess.Popen(self.command(*words, name=name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def finish(self, *words: str) -> Mapping[str, Any]:
        """A worker until there are no more messages; what it says."""
        done = subprocess.run(self.command("--once", "--json", *words), check=True, stdout=subprocess.PIPE)
        found: Mapping[str, Any] = json.loads(done.stdout)
        return found

    def wait_for(self, moment: int, *workers: subprocess.Popen[bytes]) -> int:
        """Until so many messages were taken, or a worker has ended; how many were."""
        while (taken := self.count("inbox")) < moment and all(worker.poll() is None for worker in workers):
            time.sleep(0.1)
        return taken

    def status(self, name: str) -> Mapping[str, Any]:
        """What a worker last said of itself."""
        found: Mapping[str, Any] = json.loads((self.home / "streams" / f"{name}.json").read_text())
        return found

    def count(self, table: str) -> int:
        """Rows of a table of the state; 0 where there is none yet."""
        try:
            return int(self._ask(f"SELECT COUNT(*) FROM {table}")[0][0])  # noqa: S608 - a name of ours
        except sqlite3.Error:
            return 0

    def digest(self) -> str:
        """Of all that the state holds of customers."""
        asked = (
            "SELECT * FROM stands ORDER BY customer_id",
            "SELECT customer_id, content, mark FROM history ORDER BY 1, 2, 3",
        )
        return hashlib.sha256(repr([self._ask(question) for question in asked]).encode()).hexdigest()[:16]

    def equal(self, without: Collection[str] = ()) -> tuple[int, int]:
        """How many customers stand in segment and scores as in the home's last day, of how many that it must hold."""
        names = [f"{use_case}_{field}" for use_case in _USE_CASES for field in _FIELDS]
        known = set(self.customers) - set(without)
        parts = pl.read_parquet(self._day.folder / "part-*.parquet", columns=["customer_id", "segment", *names])
        stands = {row[0]: row for row in self._ask("SELECT customer_id, segment, scores FROM stands")}
        batch = (row for row in parts.to_dicts() if row["customer_id"] in known)
        return sum(_same(row, stands.get(row["customer_id"])) for row in batch), len(known)

    def _ask(self, question: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.state}?mode=ro", uri=True, timeout=60)) as connection:
            return connection.execute(question).fetchall()


def kill(worker: subprocess.Popen[bytes]) -> None:
    """By kill -9."""
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def _same(row: Mapping[str, object], stand: Sequence[str] | None) -> bool:
    if stand is None or row["segment"] != stand[1]:
        return False
    scores = json.loads(stand[2])
    return all(row[f"{name}_{field}"] == scores[name][field] for name in _USE_CASES for field in _FIELDS)
