"""`penchant restore BACKUP --home NEW --ledger FOLDER`: a home again, without whoever was erased or objected since."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from features.spec.options import EITHER_SIDE, add_shared_options
from features.spec.suppression_list import SuppressionError
from features.spec.terminal import print_to_any_terminal
from penchant.backup.backup_manifest import BackupError, checked_backup

DONE, FAILED, USAGE, BAD_DATA = 0, 1, 2, 3


class CheckedDocument(msgspec.Struct, frozen=True):
    """What `--check` prints as JSON."""

    made: str
    files: int
    bytes: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; 0 done, 1 failed, 2 usage, 3 the backup or the ledger is not what was written."""
    print_to_any_terminal()
    parser = _parser()
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    if not options.check and (options.ledger is None) == (not options.without_ledger):
        parser.error(
            "say --ledger FOLDER, the newest copy of the ledger; or --without-ledger, where nobody was erased or "
            "objected since the backup: they would be back"
        )
    try:
        return (_check if options.check else _restore)(options)
    except BackupError as error:
        print(error, file=sys.stderr)
        return BAD_DATA
    except (SuppressionError, OSError, sqlite3.Error) as error:
        print(f"Nothing was restored: {type(error).__name__}: {error}", file=sys.stderr)
        return FAILED


def _check(options: argparse.Namespace) -> int:
    manifest = checked_backup(options.backup)
    found = CheckedDocument(manifest.made, len(manifest.files), sum(one.size for one in manifest.files))
    text = f"whole: made {found.made}, {found.files:,} files, {found.bytes:,} bytes"
    print(msgspec.json.encode(found).decode() if options.json else text)
    return DONE


def _restore(options: argparse.Namespace) -> int:
    from penchant.backup.put_back import restore
    from scoring.privacy.audit_trail import command_actor

    done = restore(options.backup, options.home, command_actor(), ledger=options.ledger)
    text = (
        f"{done.home}: as of {done.made}, {done.files:,} files; since then {done.marked:,} customers were erased or "
        f"objected, and {done.erased:,} who had come back are erased again"
    )
    print(msgspec.json.encode(done).decode() if options.json else text)
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penchant restore",
        description="Makes a home of a backup: every file is checked, the ledger replayed, and only then is it there.",
        epilog=EITHER_SIDE,
    )
    parser.add_argument("backup", type=Path, help="a folder that `penchant backup` made")
    parser.add_argument("--ledger", type=Path, metavar="FOLDER", help="the newest copy of the home's ledger")
    parser.add_argument("--without-ledger", action="store_true", help="there is no newer one than the backup's own")
    parser.add_argument("--check", action="store_true", help="only say whether every file is as it was written")
    add_shared_options(parser, home="where the home will be; nothing may be there yet")
    return parser
