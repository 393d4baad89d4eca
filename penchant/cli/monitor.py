"""`penchant monitor [--as-of D]`: whether the scores of each use case are to be trusted, and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from features.errors import UseCaseError
from features.spec.options import EITHER_SIDE, add_shared_options, command_first, moment
from features.spec.suppression_list import SuppressionError
from features.spec.terminal import print_to_any_terminal
from penchant.daily.run_file import load_run_file
from scoring.audiences.campaign import CampaignError
from scoring.errors import BundleError
from scoring.health.matured_windows import HealthError
from scoring.population.days import PopulationBusyError, PopulationError, day_name, days_of, only_writer

_COMMANDS = ("ack",)
FAILED, USAGE, BAD_DATA = 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; 0 done, 1 failed, 2 usage, 3 what is there is damaged, 7 an alert is open."""
    print_to_any_terminal()
    words = command_first(sys.argv[1:] if arguments is None else arguments, _COMMANDS)
    if words and words[0] == "ack":
        from monitoring.cli.alert_commands import acknowledge_command

        return acknowledge_command(words[1:])
    options = _parser().parse_args(words)

    try:
        with only_writer(options.home):
            return _look(options.home, options.as_of, as_json=options.json)
    except UseCaseError as failure:
        return _failed(USAGE, *(f"{failure.file}: {rule}" for rule in failure.broken))
    except (PopulationError, HealthError, CampaignError) as failure:
        return _failed(BAD_DATA, str(failure))
    except (PopulationBusyError, BundleError, SuppressionError, OSError) as failure:
        return _failed(FAILED, str(failure))


def _look(home: Path, as_of: datetime | None, *, as_json: bool) -> int:
    from monitoring.cli.alert_commands import alert_about, alert_lines
    from monitoring.cli.health_lines import health_lines
    from monitoring.config.monitor_file import load_monitor_file
    from monitoring.state.look import look

    _, use_cases = load_run_file(home)
    days = [day for day in days_of(home) if as_of is None or day.manifest.as_of <= as_of]
    if not days:
        until = f" until {day_name(as_of)}" if as_of else ""
        return _failed(USAGE, f"A home must have a day to look at{until}, got none; `penchant run` makes one.")
    document, _ = look(home, list(use_cases.values()), days[-1], load_monitor_file(home).judged_by)
    document, code = alert_about(home, document, datetime.now(UTC))
    if as_json:
        print(msgspec.json.encode(document).decode())
    else:
        print(*health_lines(document), *alert_lines(document.alerts), sep="\n")
    return code


def _failed(code: int, *lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penchant monitor",
        description="Whether scores are to be trusted, and why: outcomes, estimates, drift by damage, data, age.",
        epilog=f"`penchant monitor ack ID --by NAME` takes an alert on. {EITHER_SIDE}",
    )
    parser.add_argument("--as-of", type=moment, metavar="D", help="the day to look at (default: the latest)")
    add_shared_options(parser)
    return parser
