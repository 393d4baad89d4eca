"""The command line of `penchant activate`: audiences kept at tools that send, and what comes back from them."""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from activation.deliveries import deliver
from activation.deliveries.deliver import Delivery
from activation.deliveries.delivery_plan import DeliveryRefusedError
from activation.deliveries.ledger_file import LedgerError
from activation.deliveries.ledger_table import write_ledger
from activation.deliveries.transport import DestinationRefusedError
from activation.destinations.kinds import open_delivery
from features.errors import DataError, UseCaseError
from features.spec.options import EITHER_SIDE, add_shared_options, command_first
from features.spec.terminal import print_to_any_terminal
from scoring.audiences.campaign import CampaignError, UnknownCampaignError
from scoring.audiences.deliveries.delivery_record import DeliveryRecord, DeliveryRecordError, DeliveryReport
from scoring.audiences.pressure.pressure_rules import PressureError
from scoring.audiences.snapshot import AudienceError
from scoring.errors import BundleError
from scoring.population.customer_pages import StaleDayError
from scoring.population.days import PopulationError
from scoring.privacy.suppression import SuppressionError
from scoring.segments.policy_file import PolicyError
from scoring.storage.table_files import BatchError

DONE, FAILED, USAGE, BROKEN_DATA, REFUSED, STOPPED = 0, 1, 2, 3, 4, 6
_FAILURES = (DestinationRefusedError, LedgerError, DeliveryRecordError, SuppressionError, BundleError, OSError)
_BROKEN = (AudienceError, BatchError, CampaignError, PopulationError, PressureError, PolicyError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    0 done, 1 failed, 2 usage, 3 the data broke its contract, 4 a rule forbids to send, 6 stopped and can be resumed.
    """
    print_to_any_terminal()
    options = _parser().parse_args(command_first(sys.argv[1:] if arguments is None else arguments, _COMMANDS))
    try:
        return _COMMANDS[options.command](options, open_delivery(options.home, options.file))
    except UseCaseError as failure:
        return _failed(USAGE, *(f"{failure.file}: {rule}" for rule in failure.broken))
    except UnknownCampaignError as failure:
        return _failed(USAGE, str(failure))
    except DataError as failure:
        return _failed(BROKEN_DATA, *(f"{failure.file}: {rule}" for rule in failure.broken))
    except (DeliveryRefusedError, StaleDayError) as failure:
        return _failed(REFUSED, str(failure))
    except _BROKEN as failure:
        return _failed(BROKEN_DATA, str(failure))
    except _FAILURES as failure:
        return _failed(FAILED, str(failure))


def _plan(options: Namespace, delivery: Delivery) -> int:
    report = deliver.plan(delivery, allow_shrink=options.allow_shrink)
    _show(options, report, "would take")
    return DONE if report.why is None else _failed(REFUSED, report.why)


def _sync(options: Namespace, delivery: Delivery) -> int:
    return _ended(options, deliver.sync(delivery, allow_shrink=options.allow_shrink))


def _pull(options: Namespace, delivery: Delivery) -> int:
    return _ended(options, deliver.pull(delivery))


def _status(options: Namespace, delivery: Delivery) -> int:
    record = deliver.status(delivery)
    if options.output is not None:
        write_ledger(delivery.ledger, options.output)
    report = record.synced or record.planned or DeliveryReport(adds=0, updates=0, removes=0, left_out={}, calls=0)
    _show(options, report, "took", record)
    return DONE


def _ended(options: Namespace, report: DeliveryReport) -> int:
    _show(options, report, "took")
    return DONE if report.status == "done" else _failed(STOPPED, f"Stopped: {report.why} The same command goes on.")


def _show(options: Namespace, report: DeliveryReport, took: str, record: DeliveryRecord | None = None) -> None:
    if options.json:
        known = (
            {"members": record.members, "synced_at": record.synced_at, "pulled_at": record.pulled_at} if record else {}
        )
        print(msgspec.json.encode({**msgspec.to_builtins(report), **known}).decode())
        return
    lines = [
        f"{report.adds:,} to add, {report.updates:,} to update, {report.removes:,} to remove.",
        f"It {took} {report.calls:,} {'call' if report.calls == 1 else 'calls'}.",
        *(f"{count:,} left out: {reason}." for reason, count in report.left_out.items() if count),
        *([f"{report.changes:,} changes of segment."] if report.changes else []),
        *([f"{report.stops:,} came back who are sent no more."] if report.stops else []),
        *([f"{report.acknowledged:,} rows acknowledged."] if took == "took" else []),
        *(f"{one.rows:,} rows rejected: {one.reason}." for one in report.rejected),
        *([f"{record.members:,} members there."] if record else []),
    ]
    print("\n".join(lines))


def _failed(code: int, *lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penchant activate",
        description="Keeps an audience at a tool that sends: who agreed, and no longer than they do.",
        epilog=EITHER_SIDE,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    texts = {
        "plan": "what a sync would send; nothing leaves",
        "sync": "ask what came back, then send what is planned",
        "pull": "ask what came back: unsubscribes, complaints and bounces",
        "status": "how the last sync went",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "file", type=Path, metavar="DEST.toml", help="where it is kept, whom it is of, whose consent"
        )
        if name in ("plan", "sync"):
            command.add_argument("--allow-shrink", metavar="NAME", help="the destination's name: more may go this once")
        if name == "status":
            command.add_argument("--output", type=Path, help="a Parquet file of the ledger, by keyed hash")
        add_shared_options(command)
    return parser


_COMMANDS: Mapping[str, Callable[[Namespace, Delivery], int]] = {
    "plan": _plan,
    "sync": _sync,
    "pull": _pull,
    "status": _status,
}
