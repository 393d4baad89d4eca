"""`python -m serving suppress add|remove|count`: keeps the list of customers who objected to being scored."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from features.types import CUSTOMER_ID
from scoring import suppression
from scoring.files import BatchError, read_batches
from scoring.suppression import SuppressionError

DONE, FAILED, BROKEN_DATA = 0, 1, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "count":
            print(suppression.count(options.home))  # noqa: T201
            return DONE
        customers = read_ids(options.file)
        change = suppression.add if options.command == "add" else suppression.remove
        done = change(options.home, customers)
    except BatchError as error:
        print(f"{options.file}: {error}", file=sys.stderr)  # noqa: T201
        return BROKEN_DATA
    except (SuppressionError, OSError, sqlite3.Error) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    what = "new on the list" if options.command == "add" else "taken off the list"
    print(f"{len(customers):,} customers, {done:,} of them {what}.", file=sys.stderr)  # noqa: T201
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
    parser = argparse.ArgumentParser(prog="python -m serving suppress", description="Keeps the suppression list.")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="these customers are scored no more")
    remove = commands.add_parser("remove", help="they are scored again")
    count = commands.add_parser("count", help="say how many are on the list")
    for one in (add, remove):
        one.add_argument("file", type=Path, metavar="IDS_FILE", help="an id a line, or a table with customer_id")
    home = Path(os.environ.get("PENCHANT_HOME") or ".penchant")
    for one in (add, remove, count):
        one.add_argument("--home", type=Path, default=home, help="default: %(default)s")
    return parser
