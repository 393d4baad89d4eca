"""`python -m serving suppress add|remove|count`: keeps the list of customers who objected to being scored."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from features.spec.feature import CUSTOMER_ID
from features.spec.options import EITHER_SIDE, add_shared_options, command_first, program
from scoring.privacy import suppression
from scoring.storage.table_files import BatchError, read_batches
from serving.cli.exit_codes import DONE, ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    options = _parser().parse_args(command_first(sys.argv[1:] if arguments is None else arguments))
    work = _count if options.command == "count" else _change
    return ended(lambda: work(options), getattr(options, "file", None))


def _count(options: argparse.Namespace) -> int:
    count = suppression.count(options.home)
    print(json.dumps({"count": count}) if options.json else count)
    return DONE


def _change(options: argparse.Namespace) -> int:
    customers, adding = read_ids(options.file), options.command == "add"
    done = (suppression.add if adding else suppression.remove)(options.home, customers)
    what = "new on the list" if adding else "taken off the list"
    print(f"{len(customers):,} customers, {done:,} of them {what}.", file=sys.stderr)
    if options.json:
        print(json.dumps({"customers": len(customers), "changed": done}))
    return DONE


def read_ids(file: Path) -> list[str]:
    """The ids of a file, each once: a line each, or the column `customer_id` of a Parquet or CSV file.

    Raises:
        BatchError: It cannot be read, or has no such column.
    """
    if file.suffix not in (".parquet", ".csv"):
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError as error:
            raise BatchError("A file of ids must be UTF-8, got other bytes.") from error
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    ids: dict[str, None] = {}
    for table in read_batches(file):
        if table.column_names.count(CUSTOMER_ID) != 1:
            raise BatchError(f"A table of ids needs one column {CUSTOMER_ID}, got none or several.")
        ids |= dict.fromkeys(customer for customer in table.column(CUSTOMER_ID).cast("string").to_pylist() if customer)
    return list(ids)


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
