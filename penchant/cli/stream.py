"""`penchant stream STREAM.toml`: events as they come move scores and segments, and what changes is published."""

from __future__ import annotations

import argparse
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from features.errors import DataError, UseCaseError
from features.spec.options import EITHER_SIDE, add_shared_options, moment
from features.spec.suppression_list import SuppressionError
from features.spec.terminal import print_to_any_terminal
from penchant.streams.history_step import HistoryError, load_missing_history
from scoring.errors import BundleError
from scoring.population.days import PopulationError
from serving.stream_state.open_state import open_state
from serving.stream_state.state import StatePlace
from serving.stream_state.status import STREAMS
from serving.streams.config import StreamFile, StreamFileError, Target, load_stream, secret
from serving.streams.port import MessageReader, MessageSink, PoisonError, UnavailableError
from serving.streams.worker import StreamPorts, StreamRules, StreamWorker

DONE, FAILED, USAGE, BAD_DATA, INTERRUPTED = 0, 1, 2, 3, 130
_TRIES = 10  # of a run that ends by itself, before a broker counts as gone
Ports = Callable[[StreamFile], StreamPorts]


class StreamDocument(msgspec.Struct, frozen=True):
    """What the command prints as JSON."""

    read: int
    applied: int
    duplicates: int
    dead: int
    published: int
    lag: int | None


def main(arguments: Sequence[str] | None = None, *, ports_of: Ports | None = None) -> int:
    """Runs the command line; 0 done, 1 failed, 2 usage, 3 what is there is damaged, 130 interrupted."""
    print_to_any_terminal()
    options = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    if not options.home.is_dir():
        return _failed(USAGE, "--home must be a home that there is, got none.")
    try:
        document = _run(options, load_stream(options.file), ports_of or connected)
    except StreamFileError as failure:
        return _failed(USAGE, *(f"{options.file}: {rule}" for rule in failure.broken))
    except UseCaseError as failure:
        return _failed(USAGE, *(f"{failure.file}: {rule}" for rule in failure.broken))
    except (PopulationError, DataError) as failure:
        return _failed(BAD_DATA, str(failure))
    except KeyboardInterrupt:
        return _failed(INTERRUPTED, "interrupted")
    except (
        *(BundleError, HistoryError, PoisonError, SuppressionError, UnavailableError),
        *(OSError, sqlite3.Error),
    ) as failure:
        return _failed(FAILED, f"{type(failure).__name__}: {failure}")
    if options.json:
        print(msgspec.json.encode(document).decode())
    else:
        print(*(f"{key} {value}" for key, value in msgspec.to_builtins(document).items()), sep=", ")
    return DONE


def _run(options: argparse.Namespace, file: StreamFile, ports_of: Ports) -> StreamDocument:
    home: Path = options.home
    state = open_state(_place(file, home))
    ports = ports_of(file)
    worker = None
    try:
        state.join()
        worker = StreamWorker(state, ports, _rules(options, file))
        worker.write_status()  # from here on an erasure finds the state
        load_missing_history(home, worker)
        worker.catch_up()
        if options.replay_from is not None:
            ports.source.rewind(options.replay_from)
        if options.replay_dead:
            worker.replay_dead()
        signal.signal(signal.SIGTERM, lambda *_: setattr(worker, "stopping", True))
        worker.run(once=options.once)
    finally:
        if worker is not None:
            with suppress(sqlite3.Error, OSError):
                worker.write_status(running=False)
        for one in (ports.source, ports.out, ports.dead):
            if one is not None:
                one.close()
        state.close()
    counts = worker.counts
    return StreamDocument(counts.read, counts.applied, counts.duplicates, counts.dead, counts.published, counts.lag)


def _place(file: StreamFile, home: Path) -> StatePlace:
    """Where the state of a stream stands; raises StreamFileError where the variable of its address is not set."""
    kept = file.state
    if kept.postgres or secret(kept.postgres_env):
        return StatePlace(file.name, postgres=kept.postgres, postgres_env=kept.postgres_env)
    return StatePlace(file.name, Path(kept.path) if kept.path else home / STREAMS / f"{file.name}.db")


def _rules(options: argparse.Namespace, file: StreamFile) -> StreamRules:
    source, fixed = file.source, options.as_of
    return StreamRules(
        name=file.name,
        home=options.home,
        use_cases=source.use_cases,
        id=source.id,
        most=source.most,
        wait_seconds=source.wait_ms / 1000,
        scores=file.scores,
        keep_days=file.state.keep_days,
        dead_bodies=file.dead_bodies,
        patience=_TRIES if options.once else float("inf"),
        clock=(lambda: fixed) if fixed else lambda: datetime.now(UTC),
    )


def connected(file: StreamFile) -> StreamPorts:
    """The ports to the broker of a file.

    Raises:
        StreamFileError: What the broker needs is not installed, or a variable is not set.
        UnavailableError: It cannot be reached.
    """
    from serving.streams import kafka, kafka_sink, rabbitmq, rabbitmq_sink

    is_kafka = file.source.kind == "kafka"
    open_source = kafka.open_source if is_kafka else rabbitmq.open_source
    open_sink = kafka_sink.open_sink if is_kafka else rabbitmq_sink.open_sink
    out, dead = (_sink(open_sink, file, target) for target in (file.out, file.dead))
    return StreamPorts(open_source(file), _reader(file), out, dead)


def _sink(
    at_broker: Callable[[StreamFile, Target], MessageSink], file: StreamFile, target: Target | None
) -> MessageSink | None:
    if target is None:
        return None
    if target.kind == "webhook":
        from serving.streams.webhook import WebhookSink

        return WebhookSink(target)
    return at_broker(file, target)


def _reader(file: StreamFile) -> MessageReader:
    if file.source.format == "avro":
        from serving.streams.avro import avro_reader

        return avro_reader(file.source)
    from serving.streams.json_records import JsonRecords

    return JsonRecords()


def _failed(code: int, *lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penchant stream",
        description="Reads events as they come: scores and segments move with them, and what changes is published.",
        epilog=EITHER_SIDE,
    )
    parser.add_argument("file", type=Path, metavar="STREAM.toml", help="where events come from, and where changes go")
    parser.add_argument("--once", action="store_true", help="end once there are no more messages")
    parser.add_argument("--as-of", type=moment, metavar="D", help="the moment that scores are of, UTC (default: now)")
    parser.add_argument("--replay-from", type=moment, metavar="D", help="begin again with the messages since then, UTC")
    parser.add_argument("--replay-dead", action="store_true", help="take the dead letters once more, then go on")
    add_shared_options(parser)
    return parser
