"""`penchant backup --into FOLDER`: a copy of a home that a server may go on with, and the ledger beside it."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from features.spec.options import EITHER_SIDE, add_shared_options
from features.spec.terminal import print_to_any_terminal
from penchant.backup.backup_manifest import BackupError
from penchant.backup.copy_home import back_up
from penchant.backup.ledger_copy import LEDGER, copy_ledger
from scoring.population.days import PopulationBusyError

DONE, FAILED, USAGE, BAD_DATA = 0, 1, 2, 3


class BackupDocument(msgspec.Struct, frozen=True):
    """What the command prints as JSON."""

    backup: str | None  # the new folder; None with --only-ledger
    ledger: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; 0 done, 1 failed, 2 usage, 3 what is there already is of another home."""
    print_to_any_terminal()
    options = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    if not options.home.is_dir():
        print("--home must be a home that there is, got none.", file=sys.stderr)
        return USAGE
    ledger = options.into / LEDGER
    try:
        if options.only_ledger:
            copy_ledger(options.home, ledger)
        made = None if options.only_ledger else back_up(options.home, options.into, keep=options.keep)
    except BackupError as error:
        print(error, file=sys.stderr)
        return BAD_DATA
    except (PopulationBusyError, OSError, sqlite3.Error) as error:
        print(f"No backup was made: {type(error).__name__}: {error}", file=sys.stderr)
        return FAILED
    document = BackupDocument(str(made) if made else None, str(ledger))
    print(msgspec.json.encode(document).decode() if options.json else made or ledger)
    return DONE


def _keep(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number of at least 1")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penchant backup",
        description="Copies a home into a new folder, and the ledger of erasures and objections beside it. A server "
        "may answer from the home meanwhile; a daily run may not be under way.",
        epilog=f"`penchant restore` makes a home of it. {EITHER_SIDE}",
    )
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER", help="where backups of this home lie")
    parser.add_argument("--keep", type=_keep, metavar="N", help="keep the newest N, remove older ones (default: all)")
    parser.add_argument("--only-ledger", action="store_true", help="copy the ledger alone: small, so copy it often")
    add_shared_options(parser)
    return parser
