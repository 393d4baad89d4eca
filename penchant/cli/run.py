"""`penchant run [--as-of D]` and `penchant run status`."""

from __future__ import annotations

import argparse
import signal
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import current_thread, main_thread
from typing import NoReturn

import msgspec

from features.config.engine.chosen_engine import with_engine
from features.config.use_case import UseCase
from features.errors import DataError, UseCaseError
from features.spec.options import EITHER_SIDE, add_engine_options, add_shared_options, command_first, midnight, moment
from features.spec.source_register import SourceRegisterError
from features.spec.terminal import print_to_any_terminal
from penchant.daily.run_file import load_run_file
from penchant.daily.run_state import INGEST, PARTS_OF, STEP_NAMES, RunState, StoppedError, last_run, step_line
from scoring.audiences.campaign import CampaignError
from scoring.audiences.pressure.pressure_rules import RUN_FILE
from scoring.audiences.snapshot import AudienceError
from scoring.errors import BundleError
from scoring.health.matured_windows import HealthError
from scoring.population.days import PopulationBusyError, PopulationError, is_written_now
from scoring.privacy.retention_file import RetentionError
from scoring.privacy.suppression import SuppressionError
from scoring.storage.table_files import BatchError

_COMMANDS = ("status",)
DONE, FAILED, USAGE, BAD_DATA, OUT_OF_ORDER, STOPPED, INTERRUPTED = 0, 1, 2, 3, 4, 6, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    0 done or unchanged, 1 failed, 2 usage, 3 the data broke its contract, 4 the step before one has to be done first,
    6 stopped and can be resumed, 130 interrupted.
    """
    print_to_any_terminal()
    words = command_first(sys.argv[1:] if arguments is None else arguments, _COMMANDS)
    if words and words[0] in _COMMANDS:
        options = _status_parser().parse_args(words[1:])
        return _status(options.home, as_json=options.json)
    options = _parser().parse_args(words)
    try:
        with _ended_by_asking():
            return _run(options, _step(options.only))
    except StoppedError:
        return _failed(STOPPED, "Stopped. The same command goes on.")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except UseCaseError as failure:
        return _broken(USAGE, failure.file, failure.broken)
    except DataError as failure:
        return _broken(BAD_DATA, failure.file, failure.broken)
    except (BatchError, AudienceError, PopulationError, HealthError, CampaignError) as failure:
        return _failed(BAD_DATA, failure)
    except RetentionError as failure:
        return _broken(USAGE, str(options.home), failure.broken)
    except (
        PopulationBusyError,
        BundleError,
        SuppressionError,
        SourceRegisterError,
        OSError,
        sqlite3.Error,
    ) as failure:
        return _failed(FAILED, failure)


def _run(options: argparse.Namespace, only: str | None) -> int:
    """Runs a day, or one step of it; what learns or scores is loaded once the file has been read."""
    home: Path = options.home
    as_of: datetime = options.as_of
    if not (home / RUN_FILE).exists():
        rule = "must name use cases by [[use_case]] file; a first promoted training begins it, got no such file"
        return _broken(USAGE, str(home / RUN_FILE), [rule])
    try:
        run_file, use_cases = load_run_file(home)
        use_cases = {name: _computed_by(options, use_case) for name, use_case in use_cases.items()}
    except UseCaseError:
        if not is_written_now(home):
            RunState("", as_of.isoformat()).fail(home)
        raise
    from penchant.daily.day import run_day
    from penchant.daily.day_features import StepFailedError
    from penchant.daily.day_steps import StepInputsError

    try:
        state = run_day(home, run_file, use_cases, as_of, only=only)
    except StepFailedError as failure:
        return failure.code if failure.code > 0 else _failed(FAILED, "The process of a step was killed.")
    except StepInputsError as failure:
        return _failed(OUT_OF_ORDER, failure)
    _finish_erasures(home)
    _show(state, as_json=options.json)
    return STOPPED if state.status == "stopped" else DONE


def _computed_by(options: argparse.Namespace, use_case: UseCase) -> UseCase:
    """A use case with the engine that is asked for, if it is on a log; the columns of a table need none."""
    if use_case.source == "table":
        return use_case
    return with_engine(use_case, options.engine, options.master, options.url_env)


def _step(asked: str | None) -> str | None:
    """The step that was asked for, or the one that it is done within."""
    step = PARTS_OF.get(asked or "", asked)
    if step != asked:
        print(f"{asked} is done within the step {step}: a rule of a segment may read any score.", file=sys.stderr)
    return step


@contextmanager
def _ended_by_asking() -> Iterator[None]:
    """Lets a step end as stopped where the process is asked to (SIGTERM), as by whoever schedules it."""

    def stop(*_: object) -> NoReturn:
        raise StoppedError

    if current_thread() is not main_thread():  # where no signal can be taken
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _finish_erasures(home: Path) -> None:
    """Writes over the bytes of whoever was erased, by last contact too; what cannot be done now waits for a server."""
    from serving.customers.housekeeping import finish_erasures

    try:
        finish_erasures(home)
    except (sqlite3.Error, SuppressionError, PopulationBusyError, OSError) as failure:
        print(f"erasures wait: {type(failure).__name__}", file=sys.stderr)


def _status(home: Path, *, as_json: bool) -> int:
    state = last_run(home)
    if state is None:
        print("A home must have had a run to have a status, this one had none.", file=sys.stderr)
        return FAILED
    for step in () if as_json else state.steps:
        print(step_line(step), file=sys.stderr)
    _show(state, as_json=as_json)
    return DONE


def _show(state: RunState, *, as_json: bool) -> None:
    print(msgspec.json.encode(state).decode() if as_json else f"day of {state.as_of}: {state.status}")


def _broken(code: int, file: str, rules: Sequence[str]) -> int:
    print(*(f"{file}: {rule}" for rule in rules), sep="\n", file=sys.stderr)
    return code


def _failed(code: int, failure: Exception | str) -> int:
    print(failure, file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    steps = (INGEST, *STEP_NAMES, *PARTS_OF)
    parser = argparse.ArgumentParser(
        prog="penchant run",
        description=f"Runs a day by HOME/{RUN_FILE}: features, scores, reasons, segments, the online store, flows.",
        epilog=f"`penchant run status` says how the last one went. {EITHER_SIDE}",
    )
    parser.add_argument(
        "--as-of", type=moment, default=midnight(), metavar="D", help="date or moment, UTC (default: today)"
    )
    parser.add_argument("--only", choices=steps, metavar="STEP", help=f"do one step alone: {', '.join(steps)}")
    add_engine_options(parser)
    add_shared_options(parser)
    return parser


def _status_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="penchant run status", description="How the last run went, step by step.")
    add_shared_options(parser)
    return parser
