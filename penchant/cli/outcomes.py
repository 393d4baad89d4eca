"""`penchant outcomes [FILE] --use-case N --as-of D`: what became of the customers whom a day scored."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from features.errors import DataError, UseCaseError
from features.spec.options import EITHER_SIDE, add_shared_options, midnight, moment
from features.spec.suppression_list import SuppressionError
from features.spec.terminal import print_to_any_terminal
from penchant.daily.monitoring_steps import take_in_given
from penchant.daily.run_file import load_run_file
from scoring.errors import BundleError
from scoring.health.matured_windows import HealthError
from scoring.population.days import PopulationBusyError, PopulationError, days_of, only_writer
from scoring.storage.table_files import BatchError

DONE, FAILED, USAGE, BAD_DATA = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; 0 done, 1 failed, 2 usage, 3 the data broke its contract."""
    print_to_any_terminal()
    options = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    if (options.file or options.as_of) and not options.use_case:
        return _failed(USAGE, "A file or a day is of one use case: --use-case must name it, got none.")
    if options.file and not options.as_of:
        return _failed(USAGE, "A file is of one day: --as-of must name it, got none.")

    try:
        with only_writer(options.home):
            return _settle(options)
    except UseCaseError as failure:
        return _failed(USAGE, *(f"{failure.file}: {rule}" for rule in failure.broken))
    except DataError as failure:
        return _failed(BAD_DATA, *(f"{failure.file}: {rule}" for rule in failure.broken))
    except (BatchError, PopulationError, HealthError) as failure:
        return _failed(BAD_DATA, str(failure))
    except (PopulationBusyError, BundleError, SuppressionError, OSError, sqlite3.Error) as failure:
        return _failed(FAILED, str(failure))


def _settle(options: argparse.Namespace) -> int:
    from monitoring.outcomes import settle
    from monitoring.realised.matured import take_in

    home: Path = options.home
    _, use_cases = load_run_file(home)
    if options.use_case and options.use_case not in use_cases:
        named = ", ".join(use_cases)
        return _failed(USAGE, f"--use-case must be one of run.toml ({named}), got another.")
    found: dict[str, list[settle.OutcomeCounts]] = {}
    for name, use_case in use_cases.items():
        if options.use_case in (None, name):
            scored = [day for day in days_of(home) if day.manifest.as_of <= options.until]
            take_in(home, use_case, scored, options.until)
            given = take_in_given(home, use_case, options.until)
            if options.file:
                kept = [one for one in (use_case, given) if one and options.as_of in settle.kept_days(home, one.name)]
                for one in kept or [use_case]:
                    settle.settle_by_file(home, one, options.as_of, options.file, options.until)
            elif use_case.source == "log":
                asked = [day for day in settle.kept_days(home, name) if options.as_of in (None, day)]
                settle.settle_by_log(home, use_case, options.until, asked)
            found[name] = settle.counted(home, use_case, options.as_of)
            if given and (counts := settle.counted(home, given, options.as_of)):
                found[given.name] = counts
    if options.as_of and not any(found.values()):
        return _failed(USAGE, f"--as-of must be a day that was scored and is kept, got {options.as_of:%Y-%m-%d}.")
    _show(options, found)
    return DONE


def _show(options: argparse.Namespace, found: object) -> None:
    """A day's counts by themselves where one was asked for, else those of all days by use case."""
    document = msgspec.to_builtins(found)
    if options.as_of:
        [document, *_] = [days[0] for days in document.values() if days]
    if options.json:
        print(msgspec.json.encode(document).decode())
        return
    by_use_case = {options.use_case: [document]} if options.as_of else document
    for name, days in by_use_case.items():
        for day in days:
            counts = ", ".join(f"{count:,} {what}" for what, count in day.items() if what != "as_of")
            print(f"{name} {day['as_of'][:10]}: {counts}")


def _failed(code: int, *lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penchant outcomes",
        description="Fills in what became of the customers whom days scored, by the log or by a file.",
        epilog=EITHER_SIDE,
    )
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="customers with their outcome (a log needs none)"
    )
    parser.add_argument("--use-case", metavar="N", help="the use case (default: all of run.toml)")
    parser.add_argument(
        "--as-of", type=moment, metavar="D", help="the day that scored them (default: all that are kept)"
    )
    parser.add_argument(
        "--until", type=moment, default=midnight(), metavar="D", help="what is known by this day (default: today)"
    )
    add_shared_options(parser)
    return parser
