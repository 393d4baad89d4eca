"""`python -m benchmarks`: peers and us side by side, in one table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import files
from benchmarks.contenders import CONTENDERS, EXAMPLES, Contender, running
from benchmarks.load import post
from benchmarks.measures import BulkReasons, Measured, Results, Sample
from benchmarks.processes import cpu_seconds, memory_bytes
from benchmarks.report import document, markdown
from benchmarks.trainings import small_tables
from benchmarks.world import World, bodies, build, write_customers
from scoring.releases.current_pointer import released_use_cases

CONNECTIONS = (1, 32)
PARTS = ("http", "start", "batch", "reasons", "training")
MANY, FEWER = 200_000, 5_000  # rows explained; by xgboost itself, which takes milliseconds a row, fewer


def main() -> int:
    """Runs the benchmark; Markdown on stdout, JSON where asked."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        examples = options.home if released_use_cases(options.home) else None
        world = World(options.folder or Path(scratch), examples)
        if not world.model.exists() and options.parts != ["training"]:
            build(world)
        results = Results()
        known = (*CONTENDERS, *EXAMPLES) if examples else CONTENDERS
        chosen = [one for one in known if not options.only or one.server in options.only]
        if "http" in options.parts:
            _http(world, chosen, options.rounds, options.seconds, results)
        if "start" in options.parts:
            _starts(world, options.rounds, results)
        if "batch" in options.parts:
            _batch(world, options.rows, options.rounds, results)
        if "reasons" in options.parts:
            results.reasons = _reasons(world)
        if "training" in options.parts:
            _trainings(Path(scratch), options.rounds, results)
    print(markdown(results))
    if options.json:
        options.json.write_text(document(results))
    return 0


def _http(world: World, chosen: Sequence[Contender], rounds: int, seconds: float, results: Results) -> None:
    """Interleaved rounds: every contender in turn, the order turned by one each round."""
    posted = {one.body: bodies(one.body, world.examples) for one in chosen}
    with ExitStack() as stack:
        servers = dict.fromkeys(one.server for one in chosen)
        started = {name: stack.enter_context(running(name, world)) for name in servers}
        up = {name: answering() for name, answering in started.items()}
        for one in chosen:
            post(up[one.server].port, one.path, posted[one.body], connections=1, seconds=min(seconds, 0.5))
        for number in range(rounds):
            turn = number % len(chosen)
            for one in [*chosen[turn:], *chosen[:turn]]:
                for connections in CONNECTIONS:
                    if one.body.endswith("_1000") and connections > 1:
                        continue
                    server = up[one.server]
                    before = cpu_seconds(server.pid)
                    run = post(server.port, one.path, posted[one.body], connections=connections, seconds=seconds)
                    used = cpu_seconds(server.pid) - before
                    results.add(one.name, connections, Sample(used / run.requests, run))
            _say(f"round {number + 1} of {rounds}")
        for name, server in up.items():
            results.memory[name] = memory_bytes(server.pid)


def _starts(world: World, rounds: int, results: Results) -> None:
    for _ in range(rounds):
        for name in ("penchant", "quickstart"):
            with running(name, world) as answering:
                server = answering()
                results.starts.setdefault(name, []).append(server.start_seconds)
                results.memory.setdefault(name, memory_bytes(server.pid))
    _say("start-ups")


def _batch(world: World, rows: int, rounds: int, results: Results) -> None:
    small, large = (world.folder / f"{name}.parquet" for name in ("small", "large"))
    write_customers(small, rows)
    for _ in range(min(rounds, 3)):
        results.batch.append(Measured(files.ours(world, small), files.bare(world, small)))
        _say("batch")
    results.rows = rows
    small.unlink()
    write_customers(large, 10 * rows)
    results.large = files.ours(world, large)


def _reasons(world: World) -> BulkReasons:
    many, fewer = (world.folder / f"{name}.parquet" for name in ("many", "fewer"))
    write_customers(many, MANY)
    write_customers(fewer, FEWER)
    bare, plain, ours = files.bare(world, many), files.ours(world, many), files.ours(world, many, reasons=3)
    woodelf, contribs = files.shapley(world, many, "woodelf"), files.shapley(world, fewer, "pred_contribs")
    _say("reasons of many rows")
    return BulkReasons(MANY, ours, plain, bare, woodelf, contribs, FEWER)


def _trainings(folder: Path, rounds: int, results: Results) -> None:
    """One round that is not counted, in which Python compiles what it had not."""
    for table, small in small_tables(folder).items():
        pairs = [Measured(small.ours(), small.autolog()) for _ in range(min(rounds, 3) + 1)]
        results.trainings[table] = pairs[1:]
        _say(f"training, {table}")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Peers and us side by side.")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each run of load (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the batch (default: %(default)s)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--only", nargs="+", help="only these servers", default=())
    parser.add_argument("--home", type=Path, default=Path(".penchant"), help="of the examples, where it is made")
    parser.add_argument("--folder", type=Path, help="where model and logs are kept for the next run")
    parser.add_argument("--json", type=Path, help="where the figures are written too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
