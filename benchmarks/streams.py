"""A stream under nine kill -9 against the nightly batch: `python -m benchmarks.streams kafka|rabbitmq [HOME]`.

CDNOW's 69,659 events come shuffled, 5 % of them twice, with 14 poison messages among them, over a broker that is
started for it: Tansu for Kafka's protocol (or the one that KAFKA_SERVERS names), Debian's RabbitMQ. The process of
`penchant stream` is killed at nine random moments. Then every event must stand in the history once, 14 be dead, and
segments and scores be those of the home's last day for each customer of it.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import polars as pl

from scoring.population.days import days_of
from serving.streams.config import Reach
from serving.streams.kafka import KafkaSink
from serving.streams.port import MessageSink, Outgoing
from serving.streams.rabbitmq_sink import RabbitSink
from tests.support.brokers import rabbitmq, tansu

ROOT = Path(__file__).parents[1]
LOG = ROOT / "examples" / "cdnow" / "transactions.parquet"
KILLS, DOUBLES = 9, 20  # one in twenty comes twice
POISON = [
    *("{bad", "[]", '"text"', "", "\x00", '{"id": "p1"}', '{"id": "p2", "customer_id": ""}', '{"a": 1, "a": 2}'),
    *(f'{{"id": "q{n}", "customer_id": "1", "date": "no day", "amount": 1}}' for n in range(3)),
    *(f'{{"id": "r{n}", "customer_id": "1", "date": "1998-01-01", "amount": "much"}}' for n in range(3)),
]
_USE_CASES = ("propensity", "churn")
_FIELDS = ("status", "score", "probability")


def messages(seed: int) -> tuple[list[Outgoing], int]:
    """What is published, and how many events there are."""
    rows = pl.read_parquet(LOG).with_columns(pl.col("date").cast(pl.Date).cast(pl.String)).to_dicts()
    events = [Outgoing(id=f"e{n}", body=json.dumps({"id": f"e{n}", **row}).encode()) for n, row in enumerate(rows)]
    chance = random.Random(seed)  # noqa: S311 - no secret
    every = [*events, *chance.sample(events, len(events) // DOUBLES)]
    every += [Outgoing(id=f"poison{n}", body=text.encode()) for n, text in enumerate(POISON)]
    chance.shuffle(every)
    return every, len(events)


@contextmanager
def broker(kind: str, folder: Path) -> Iterator[tuple[MessageSink, str]]:
    """A sink to a broker, and the keys of `[source]` that reach what is published."""
    if kind == "rabbitmq":
        with rabbitmq(folder) as url:
            yield RabbitSink(Reach(url=url), "events"), f'url = "{url}"\nqueue = "events"'
    elif servers := os.environ.get("KAFKA_SERVERS"):
        yield KafkaSink(Reach(servers=servers), "events"), f'servers = "{servers}"\ntopic = "events"'
    else:
        with tansu() as servers:
            yield KafkaSink(Reach(servers=servers), "events"), f'servers = "{servers}"\ntopic = "events"'


def stream_file(kind: str, reach: str, folder: Path) -> Path:
    """STREAM.toml."""
    named = "queue" if kind == "rabbitmq" else "topic"
    file = folder / "shop.toml"
    file.write_text(
        f'[source]\nkind = "{kind}"\n{reach}\nid = "id"\n[out]\n{named} = "changes"\n[dead]\n{named} = "dead"\n'
    )
    return file


def killed_at(command: Sequence[str], state: Path, moments: Sequence[int]) -> list[int]:
    """Runs the command, kills it each time so many messages were taken, and runs it to its end; what stood then."""
    seen = []
    for moment in moments:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while process.poll() is None and (taken := count(state, "inbox")) < moment:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen.append(taken)
    return seen


def count(state: Path, table: str) -> int:
    """Rows of a table of the state; 0 where there is none yet."""
    try:
        with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as connection:
            return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # noqa: S608
    except sqlite3.Error:
        return 0


def equal_to_day(home: Path, state: Path) -> tuple[int, int]:
    """How many customers stand in segment and scores as in the home's last day, of how many of it."""
    day = days_of(home)[-1]
    names = [f"{use_case}_{field}" for use_case in _USE_CASES for field in _FIELDS]
    known = set(pl.read_parquet(LOG)["customer_id"].cast(pl.String))
    batch = {
        row["customer_id"]: row
        for row in pl.read_parquet(day.folder / "part-*.parquet", columns=["customer_id", "segment", *names]).to_dicts()
        if row["customer_id"] in known
    }
    with closing(sqlite3.connect(state)) as connection:
        stands = {row[0]: row for row in connection.execute("SELECT customer_id, segment, scores FROM stands")}
    same = sum(_same(row, stands.get(customer)) for customer, row in batch.items())
    return same, len(known)


def _same(row: Mapping[str, object], stand: Sequence[str] | None) -> bool:
    if stand is None or row["segment"] != stand[1]:
        return False
    scores = json.loads(stand[2])
    return all(row[f"{name}_{field}"] == scores[name][field] for name in _USE_CASES for field in _FIELDS)


def main(kind: str, given: Path) -> int:
    """Prints what was found; 0 where all of it is as it must be."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        home = folder / "home"
        shutil.copytree(given, home)
        (home / "run.toml").unlink(missing_ok=True)  # so that the history comes by the stream alone
        shutil.rmtree(home / "streams", ignore_errors=True)
        (folder / "broker").mkdir()
        with broker(kind, folder / "broker") as (sink, reach):
            every, events = messages(seed=int(os.environ.get("SEED", "7")))
            sink.publish(every)
            sink.close()
            as_of = days_of(home)[-1].manifest.as_of.isoformat()
            file, state = stream_file(kind, reach, folder), home / "streams" / "shop.db"
            command = [sys.executable, "-m", "penchant", "stream", str(file), "--home", str(home), "--as-of", as_of]
            chance = random.Random(3)  # noqa: S311 - no secret
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            started = time.monotonic()
            moments = sorted(chance.randrange(1, events) for _ in range(KILLS))
            seen = killed_at([*command, "--once"], state, moments)
            subprocess.run([*command, "--once", "--json"], check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            history, dead = count(state, "history"), count(state, "dead")
            same, of = equal_to_day(home, state)
    print(f"{kind}: {len(every)} messages, killed when {seen} were taken, {time.monotonic() - started:.0f} s")
    print(f"events in the history {history} of {events}; dead {dead} of {len(POISON)}; equal {same} of {of}")
    print(f"{len(every) / processor:.0f} messages a processor second, with ten starts")
    return 0 if (history, dead, same) == (events, len(POISON), of) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / ".penchant")))
