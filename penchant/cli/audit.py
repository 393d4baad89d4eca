"""`penchant audit --since 6m --out F.html`: what became of a home, as one file; `penchant audit trail`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from features.spec.atomic import write_file
from features.spec.languages import LANGUAGES
from features.spec.options import EITHER_SIDE, add_shared_options, command_first
from features.spec.terminal import print_to_any_terminal
from penchant.cli.trail import trail_command

if TYPE_CHECKING:
    from monitoring.audit.audit_record import AuditRecord

DONE, FAILED, USAGE = 0, 1, 2
_COMMANDS = ("trail",)
_DAYS = {"d": 1, "w": 7}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; 0 done, 1 the file cannot be written, 2 usage."""
    print_to_any_terminal()
    words = command_first(sys.argv[1:] if arguments is None else arguments, _COMMANDS)
    if words and words[0] in _COMMANDS:
        return trail_command(words[1:])
    options = _parser().parse_args(words)
    if not options.home.is_dir():
        print("--home must be a home that there is, got none.", file=sys.stderr)
        return USAGE
    from monitoring.audit.audit_page import audit_page
    from monitoring.audit.audit_record import audit

    record = audit(options.home, options.since, datetime.now(UTC).date())
    languages = (options.language,) if options.language else LANGUAGES
    try:
        write_file(options.out, audit_page(record, languages).encode(), mode=0o600)
    except OSError as failure:
        print(f"--out cannot be written: {failure.strerror}", file=sys.stderr)
        return FAILED
    for line in record.unreadable:
        print(f"left out: {line}", file=sys.stderr)
    print(msgspec.json.encode(_counts(record, options.out)).decode() if options.json else options.out)
    return DONE


def _counts(record: AuditRecord, out: Path) -> dict[str, str | int]:
    """What the file says, in numbers."""
    return {
        "out": str(out),
        "since": record.since.isoformat(),
        "until": record.until.isoformat(),
        "use_cases": len(record.use_cases),
        "days": len(record.days),
        "promoted": record.promoted,
        "refused": record.refused,
        "alerts": len(record.alerts),
        "lists": sum(one.lists for one in record.exports),
        "erased": record.erased,
        "unreadable": len(record.unreadable),
    }


def begins(text: str, today: date | None = None) -> date:
    """The day so many days, weeks, months or years before today, or the day of a date.

    >>> begins("6m", date(2026, 8, 31)), begins("2w", date(2026, 8, 31)), begins("2026-01-02")
    (datetime.date(2026, 2, 28), datetime.date(2026, 8, 17), datetime.date(2026, 1, 2))

    Raises:
        ArgumentTypeError: It is neither.
    """
    found = re.fullmatch(r"(\d{1,4})([dwmy])", text)
    until = today or datetime.now(UTC).date()
    try:
        if found is None:
            return date.fromisoformat(text)
        if found[2] in _DAYS:
            return until - timedelta(days=int(found[1]) * _DAYS[found[2]])
        months = until.year * 12 + until.month - 1 - int(found[1]) * (12 if found[2] == "y" else 1)
        first = date(months // 12, months % 12 + 1, 1)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return min(first.replace(day=1) + timedelta(days=until.day - 1), last)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("must be a date, or such as 6m, 90d, 26w or 1y, got another text") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penchant audit",
        description="One HTML file: what was served, promoted, refused, alerted and erased, and how good it was.",
        epilog=f"`penchant audit trail` says who did what, and who looked at a customer. {EITHER_SIDE}",
    )
    parser.add_argument("--since", type=begins, default="6m", metavar="SPAN", help="such as 6m, 90d or a date")
    parser.add_argument("--out", type=Path, required=True, metavar="F.html", help="the file")
    parser.add_argument("--language", choices=LANGUAGES, help="one language alone (default: both, to switch)")
    add_shared_options(parser)
    return parser
