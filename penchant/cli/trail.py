"""`penchant audit trail`: who did what with a home, whether the record is whole, and who looked at a customer."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from features.spec.options import EITHER_SIDE, add_shared_options, moment
from features.spec.suppression_list import SuppressionError
from scoring.privacy.audit_trail import TrailHead, hash_of
from scoring.privacy.id_files import read_ids
from scoring.privacy.trail_check import CheckedTrail, TrailEntry, TrailFault, checked_trail, holds
from scoring.storage.table_files import BatchError

DONE, FAILED, USAGE, BAD_DATA = 0, 1, 2, 3
_HEAD = r"(\d+):([0-9a-f]{64})"


class TrailDocument(Struct, frozen=True):
    """What the command prints as JSON."""

    head: str  # N:CHAIN of the last line, to be noted and compared with the trail the next time
    whole: bool
    faults: list[TrailFault]
    purged: int
    entries: list[TrailEntry]


def trail_command(words: Sequence[str]) -> int:
    """Runs it; 0 done, 1 the trail cannot be read, 2 usage, 3 it is not what was written."""
    options = _parser().parse_args(words)
    if not options.home.is_dir():
        print("--home must be a home that there is, got none.", file=sys.stderr)
        return USAGE
    try:
        trail = checked_trail(options.home)
        entries = list(_asked(options.home, trail, options))
        known = options.head is None or holds(options.home, options.head)
    except BatchError as error:
        print(error, file=sys.stderr)
        return USAGE
    except (SuppressionError, OSError) as error:
        print(f"The trail must be readable, got {type(error).__name__}.", file=sys.stderr)
        return FAILED
    faults = trail.faults if known else [TrailFault(options.head.n, "changed"), *trail.faults]
    document = TrailDocument(f"{trail.head.n}:{trail.head.chain}", not faults, faults, trail.purged, entries)
    if options.json:
        print(msgspec.json.encode(document).decode())
    else:
        print(*map(_line, entries), sep="\n", end="\n" if entries else "")
        print(f"head {document.head}", file=sys.stderr)
        print(*(f"line {one.n}: {one.code}" for one in faults), sep="\n", end="\n" if faults else "", file=sys.stderr)
    return BAD_DATA if faults else DONE


def _asked(home: Path, trail: CheckedTrail, options: argparse.Namespace) -> Iterator[TrailEntry]:
    """The lines that were asked for."""
    whom = {hash_of(home, one) for one in read_ids(options.customers)} if options.customers else None
    for entry in trail.entries:
        about = entry.action.customers
        if (options.since is None or entry.at >= options.since.isoformat()) and (
            whom is None or not whom.isdisjoint(about)
        ):
            yield entry


def _line(entry: TrailEntry) -> str:
    """A line as it is read; of customers how many."""
    action = entry.action
    who = action.by.who or "(no key)"
    account = f" as {action.by.account}" if action.by.account and action.by.account != who else ""
    about = ", ".join(f"{name} {value}" for name, value in action.about.items())
    count = len(action.customers)
    whom = f"{count:,} {'customer' if count == 1 else 'customers'}" if count else ""
    return f"{entry.n:>6}  {entry.at}  {action.what:<11} {who}{account} ({action.by.via})  {about or whom}" + (
        f", {whom}" if about and whom else ""
    )


def head(text: str) -> TrailHead:
    """The head of a trail as the command prints it.

    Raises:
        ArgumentTypeError: It is none.
    """
    found = re.fullmatch(_HEAD, text)
    if found is None:
        raise argparse.ArgumentTypeError("must be N:CHAIN as this command prints it, got another text")
    return TrailHead(int(found[1]), found[2])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penchant audit trail",
        description="Who exported, erased, promoted, changed a policy or looked at a customer, and whether the record "
        "is whole. It names no customer; who asks about some gives their ids.",
        epilog=EITHER_SIDE,
    )
    parser.add_argument("--customers", type=Path, metavar="IDS_FILE", help="only lines about these: an id a line")
    parser.add_argument("--since", type=moment, metavar="D", help="only lines from this date or moment on, UTC")
    parser.add_argument("--head", type=head, metavar="N:CHAIN", help="a head noted earlier, which must still be there")
    add_shared_options(parser)
    return parser
