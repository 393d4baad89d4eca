"""The command line of `penchant campaign`: what lists with a hold-out brought."""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from activation.cli.campaign_commands import COMMANDS
from activation.cli.threshold_commands import add_move_options, add_threshold_options
from features.errors import DataError, UseCaseError
from features.spec.languages import LANGUAGES
from features.spec.options import EITHER_SIDE, add_shared_options, command_first, moment, program
from features.spec.terminal import print_to_any_terminal
from scoring.audiences.campaign import CampaignError, SaltReusedError, UnknownCampaignError
from scoring.audiences.pressure.pressure_rules import PressureError
from scoring.errors import BundleError
from scoring.population.customer_lists import ListTooLongError
from scoring.population.customer_pages import ContactsUnreadableError, QueryError
from scoring.population.days import PopulationError
from scoring.privacy.suppression import SuppressionError
from scoring.segments.policy_file import PolicyError
from scoring.storage.table_files import BatchError

DONE, FAILED, USAGE, BROKEN_DATA = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; 0 done, 1 failed, 2 usage or no such campaign, 3 the data broke its contract."""
    print_to_any_terminal()
    words = command_first(sys.argv[1:] if arguments is None else arguments, COMMANDS)
    parser = _parser()
    options = parser.parse_args(words)
    if options.command == "threshold" and (options.in_force or options.cuts[-1]) not in options.cuts:
        parser.error("--in-force must be one of --cuts, got another.")
    try:
        return _run(options)
    except (UnknownCampaignError, SaltReusedError, QueryError, ListTooLongError) as error:
        return _failed(USAGE, error)
    except UseCaseError as failure:
        return _broken(USAGE, failure.file, failure.broken)
    except DataError as failure:
        return _broken(BROKEN_DATA, failure.file, failure.broken)
    except (BatchError, PressureError, ContactsUnreadableError, PolicyError) as error:
        return _failed(BROKEN_DATA, error)
    except (CampaignError, PopulationError, SuppressionError, BundleError, OSError) as error:
        return _failed(FAILED, error)


def _run(options: Namespace) -> int:
    done = COMMANDS[options.command](options)
    print(done.as_json() if options.json else "\n".join(done.lines))
    return DONE


def _broken(code: int, file: Path | str, rules: Sequence[str]) -> int:
    print(*(f"{file}: {rule}" for rule in rules), sep="\n", file=sys.stderr)
    return code


def _failed(code: int, failure: Exception) -> int:
    print(failure, file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("activation"),
        description="What lists that left with a hold-out brought: outcomes by arm, the effect, the next step.",
        epilog=EITHER_SIDE,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_ in (("list", "all campaigns"), ("show", "what was stated of one"), ("result", "what one brought")):
        command = commands.add_parser(name, help=help_)
        if name != "list":
            command.add_argument("id", help="of a campaign, as `list` shows it")
        if name == "result":
            _add_result_options(command)
        add_shared_options(command)
    _add_outcomes(commands.add_parser("outcomes", help="report who answered"))
    add_threshold_options(commands.add_parser("threshold", help="try cuts of one score against each other"))
    add_move_options(commands.add_parser("move", help="put the cut in force that a test showed to be better"))
    return parser


def _add_result_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--as-of", type=moment, metavar="D", help="the moment of the look, UTC (default: now)")
    command.add_argument("--cost", type=_amount, metavar="AMOUNT", help="what contacting one customer costs")
    command.add_argument("--currency", type=_currency, metavar="CODE", help="of the cost and the values, as EUR")
    command.add_argument("--level", type=_level, default=0.95, help="of the intervals (default: 0.95)")
    command.add_argument("--language", choices=LANGUAGES, default="en", help="of the sentences")


def _add_outcomes(command: argparse.ArgumentParser) -> None:
    command.add_argument("id", help="of a campaign, as `list` shows it")
    command.add_argument(
        "file",
        type=Path,
        help="Parquet or CSV with customer_id and answered, and where known contacted, value, unsubscribed; with --log "
        "the TOML file of a use case whose log has the outcomes",
    )
    command.add_argument("--log", action="store_true", help="by the log of the use case in FILE")
    command.add_argument(
        "--absent",
        choices=("unknown", "no"),
        default="unknown",
        help="what is known of those whom the file does not name (default: unknown)",
    )
    command.add_argument("--as-of", type=moment, metavar="D", help="up to when it is known, UTC (default: now)")
    command.add_argument("--currency", type=_currency, metavar="CODE", help="of the values, as EUR")
    add_shared_options(command)


def _amount(text: str) -> float:
    try:
        amount = float(text.replace(",", "."))
    except ValueError:
        amount = -1.0
    if not 0 <= amount < 1e9:
        raise argparse.ArgumentTypeError("must be an amount of at least 0, got another")
    return amount


def _level(text: str) -> float:
    try:
        level = float(text)
    except ValueError:
        level = 0.0
    if not 0.5 <= level <= 0.999:
        raise argparse.ArgumentTypeError("must be within 0.5 and 0.999, got another")
    return level


def _currency(text: str) -> str:
    if not (len(text) == 3 and text.isascii() and text.isalpha()):
        raise argparse.ArgumentTypeError("must be a code of three letters such as EUR, got another")
    return text.upper()
