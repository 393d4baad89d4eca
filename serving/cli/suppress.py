"""`python -m serving suppress add|remove|count`: keeps the list of customers who objected to being scored."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from features.spec.options import EITHER_SIDE, add_shared_options, command_first, program
from scoring.privacy import suppression
from scoring.privacy.audit_trail import command_actor, record
from scoring.privacy.id_files import read_ids
from scoring.releases.current_pointer import released_use_cases
from scoring.releases.store import load_release
from scoring.storage.leftovers import remove_leftovers
from serving.cli.exit_codes import DONE, ended
from serving.customers.subject_rights import known_customers


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    options = _parser().parse_args(command_first(sys.argv[1:] if arguments is None else arguments))
    remove_leftovers(options.home)
    work = _count if options.command == "count" else _change
    return ended(lambda: work(options), getattr(options, "file", None))


def _count(options: argparse.Namespace) -> int:
    count = suppression.count(options.home)
    print(json.dumps({"count": count}) if options.json else count)
    return DONE


def _change(options: argparse.Namespace) -> int:
    customers, adding = read_ids(options.file, _id_columns(options.home)), options.command == "add"
    known = known_customers(options.home, customers)
    record(options.home, "objection" if adding else "withdrawal", command_actor(), customers=customers)
    done = (suppression.add if adding else suppression.remove)(options.home, customers)
    what = "new on the list" if adding else "taken off the list"
    print(f"{len(customers):,} customers, {done:,} of them {what}. {_known_text(known)}", file=sys.stderr)
    if options.json:
        print(json.dumps({"customers": len(customers), "changed": done, "known": known}))
    return DONE


def _id_columns(home: Path) -> list[str]:
    """What the home's use cases call the column of ids."""
    names = []
    for use_case in released_use_cases(home):
        with suppress(ValueError, OSError):  # an objection is heeded whatever has become of a release
            names.append(load_release(home, use_case).bundle.manifest.customer_id)
    return [name for name in names if name]


def _known_text(known: int | None) -> str:
    """Whether the ids mean anybody here: a list of another spelling would bar nobody."""
    if known is None:
        return "Nobody's features or decisions are kept here to compare them with."
    return f"{known:,} of them are customers known here."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program('serving')} suppress", description="Keeps the suppression list.", epilog=EITHER_SIDE
    )
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="these customers are scored no more")
    remove = commands.add_parser("remove", help="they are scored again")
    count = commands.add_parser("count", help="say how many are on the list")
    for one in (add, remove):
        one.add_argument("file", type=Path, metavar="IDS_FILE", help="an id a line, or a table with customer_id")
    for one in (add, remove, count):
        add_shared_options(one)
    return parser
