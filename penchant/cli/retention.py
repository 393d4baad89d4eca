"""`penchant retention`: each store of a home, its oldest row and its rule; `purge` does what the daily run does."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from features.errors import UseCaseError
from features.spec.options import EITHER_SIDE, add_shared_options, command_first, moment
from features.spec.suppression_list import SuppressionError
from features.spec.terminal import print_to_any_terminal
from penchant.daily.run_file import kept_days
from scoring.audiences.campaign import CampaignError
from scoring.errors import BundleError
from scoring.population.days import PopulationBusyError, PopulationError
from scoring.privacy.retention_file import RetentionError, read_retention
from serving.auth.api_keys import KeysError

if TYPE_CHECKING:
    from penchant.retention.status import RetentionStatus

# What a store of the home that is not what it was may answer with.
UNREADABLE = (
    *(BundleError, CampaignError, KeysError, PopulationBusyError, PopulationError, SuppressionError),
    *(OSError, sqlite3.Error),
)
_COMMANDS = ("purge",)
DONE, FAILED, USAGE = 0, 1, 2


class PurgedDocument(msgspec.Struct, frozen=True):
    """What a purge prints as JSON."""

    removed: dict[str, int]  # by store
    last_contact: int  # customers erased
    returned: int  # erased customers who had come back, and went again


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; 0 done, 1 failed, 2 usage."""
    print_to_any_terminal()
    words = command_first(sys.argv[1:] if arguments is None else arguments, _COMMANDS)
    purging = bool(words) and words[0] in _COMMANDS
    options = _parser(purging=purging).parse_args(words[1:] if purging else words)
    if not options.home.is_dir():
        print("--home must be a home that there is, got none.", file=sys.stderr)
        return USAGE
    try:
        return (_purge if purging else _show)(options.home, options.as_of, as_json=options.json)
    except RetentionError as error:
        print(*(f"{options.home}/{rule}" for rule in error.broken), sep="\n", file=sys.stderr)
        return USAGE
    except UseCaseError as error:
        print(*(f"{error.file}: {rule}" for rule in error.broken), sep="\n", file=sys.stderr)
        return USAGE
    except UNREADABLE as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return FAILED


def _show(home: Path, as_of: datetime | None, *, as_json: bool) -> int:
    rules = read_retention(home)
    from penchant.retention.status import retention_status

    kept = kept_days(home)
    days = f"{kept.keep}d with features and reasons, month ends {kept.months}m (run.toml)"
    status = retention_status(home, rules, datetime.now(UTC), days=days, as_of=as_of)
    if as_json:
        print(msgspec.json.encode(status).decode())
    else:
        print(*_lines(status), sep="\n")
    for path in status.unknown:
        print(f"no store of the register has {path}", file=sys.stderr)
    return DONE


def _lines(status: RetentionStatus) -> list[str]:
    """The stores as a table, then what is known of last contacts."""
    rows = [("store", "holds", "files", "oldest", "too old", "kept")]
    rows += [
        (one.name, one.holds, f"{one.files:,}", (one.oldest or "-")[:10], f"{one.due:,}" if one.due else "", one.rule)
        for one in status.stores
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]) for row in rows
    ]
    contact = status.last_contact
    events = ", ".join(contact.events) or "no event"
    silent = f"{contact.due:,} of {contact.known:,} customers were not in touch for {contact.after} (by {events})"
    return [*lines, "", f"{silent}: the next run, or `penchant retention purge`, erases them."]


def _purge(home: Path, as_of: datetime | None, *, as_json: bool) -> int:
    rules = read_retention(home)
    from penchant.retention.obey import obey
    from scoring.privacy.audit_trail import command_actor
    from serving.customers.housekeeping import finish_erasures

    obeyed = obey(home, rules, datetime.now(UTC), command_actor(), as_of=as_of, restored=True)
    finish_erasures(home, at_once=True)
    document = PurgedDocument(obeyed.removed, obeyed.silent, obeyed.returned)
    print(msgspec.json.encode(document).decode() if as_json else obeyed.text)
    return DONE


def _parser(*, purging: bool) -> argparse.ArgumentParser:
    purged = "Removes what the rules say is too old, and what was erased and came back by a backup."
    shown = "Each store of a home, its oldest row, its rule, and what of it is too old. Nothing is changed."
    parser = argparse.ArgumentParser(
        prog=f"penchant retention{' purge' if purging else ''}",
        description=purged if purging else shown,
        epilog=EITHER_SIDE if purging else f"`penchant retention purge` does what the daily run does. {EITHER_SIDE}",
    )
    parser.add_argument(
        "--as-of", type=moment, metavar="D", help="from when last contacts count (default: the day in service)"
    )
    add_shared_options(parser)
    return parser
