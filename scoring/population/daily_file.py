"""HOME/run.toml, which names the use cases of the daily run: begun by a first promotion, edited by its owner."""

from __future__ import annotations

import json
import os
import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from features.spec.atomic import write_file
from scoring.audiences.pressure.pressure_rules import RUN_FILE
from scoring.population.customer_pages import StaleDayError
from scoring.population.days import POPULATION, PopulationError, is_written_now, open_day

LAST_RUN = "last_run.json"  # beside the days
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_HEAD = """\
# What `penchant run` does each day: features, scores, reasons and segments of these use cases.
# Of a ready table `rows = "FILE"` names whom to score; else it is the rows without a label.
#
# [population]
# keep = "35d"  # how long reasons and features are kept; scores, bands and segments until their outcome is known,
# months = 13   # and those of the last day of a month for so many months

[deliver]
max_age = "36h"  # customers of an older day are on no list that leaves; without it those of any day are
# destinations = ["newsletter.toml"]  # audiences at tools that send, brought up to each day
#
# [pressure]
# max = "2 per 7d"  # on how many lists a customer may be within a span; a list of such holds together
# control = 0.02    # the share of all customers who are on no list, ever: against them all lists together are measured
"""


class FailedRun(msgspec.Struct, frozen=True):
    """The last run of a home, where it did not end well."""

    status: str  # `failed`; `stopped` where it was asked to end; `running` where it was killed
    as_of: str  # ISO moment of the day that it was to make
    at: str | None = None  # ISO moment of its last sign of life; None in what earlier code wrote


def failed_run(home: Path) -> FailedRun | None:
    """The last run, unless it ended well or is under way."""
    try:
        last = _READ((home / POPULATION / LAST_RUN).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return (
        last
        if last.status in ("failed", "stopped") or (last.status == "running" and not is_written_now(home))
        else None
    )


def add_use_case(home: Path, use_case: Path, *, daily: bool) -> None:
    """Adds a use case's file unless it is named there; all else is left as it is.

    Args:
        home: Where releases stand.
        use_case: The TOML file.
        daily: Whether it can be scored as it is: a ready table awaits its owner's `rows`, and is added as a comment.
    """
    file = home / RUN_FILE
    entry = f"[[use_case]]\nfile = {json.dumps(_named(home.resolve(), use_case.resolve()), ensure_ascii=False)}\n"
    if not daily:
        entry = "".join(f"# {line}\n" for line in [*entry.splitlines(), 'rows = "today.csv"'])
    before = file.read_text(encoding="utf-8") if file.exists() else _HEAD
    if entry not in before:
        write_file(file, f"{before.rstrip()}\n\n{entry}".encode())


def age_of(text: object) -> timedelta:
    """A duration in whole hours, days or weeks.

    >>> age_of("36h") == age_of("1d") + age_of("12h")
    True

    Raises:
        ValueError: It is none.
    """
    found = re.fullmatch(r"\s*(\d{1,5})\s*([hdw])\s*", text) if isinstance(text, str) else None
    if found is None or not int(found[1]):
        raise ValueError('must be whole hours, days or weeks such as "36h" or "2d"')
    return int(found[1]) * _UNITS[found[2]]


def max_age(home: Path) -> timedelta | None:
    """How old a day may be for its customers to leave on a list; None where the home sets no limit.

    Raises:
        PopulationError: The file cannot be read, so nobody knows.
    """
    try:
        deliver = tomllib.loads((home / RUN_FILE).read_text(encoding="utf-8")).get("deliver", {})
        return age_of(deliver["max_age"]) if "max_age" in deliver else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise PopulationError(f"{RUN_FILE} must say how old a day may be, got what cannot be read.") from error


def is_too_old(home: Path, as_of: datetime, now: datetime | None = None) -> bool:
    """Whether a day is older than its customers may be on a list; `now` is this moment. Raises as `max_age`."""
    limit = max_age(home)
    return limit is not None and (now or datetime.now(UTC)) - as_of > limit


def check_age(home: Path, as_of: datetime, now: datetime | None = None) -> None:
    """Refuses a day that is too old for a list.

    Raises:
        StaleDayError: It is.
        PopulationError: As `max_age`.
    """
    if is_too_old(home, as_of, now):
        rule = "A list must be of a day no older than `max_age` of [deliver] in run.toml"
        raise StaleDayError(f"{rule}, got that of {as_of:%Y-%m-%d %H:%M} UTC; `penchant run` makes today's.")


def check_age_of(home: Path, snapshot: Path, now: datetime | None = None) -> None:
    """The same for a snapshot, where it is a day of the home. Raises as `check_age`."""
    folder = snapshot.resolve()
    if folder.parent == (home / POPULATION).resolve() and folder.is_dir():
        check_age(home, open_day(folder).manifest.as_of, now)


def _named(home: Path, use_case: Path) -> str:
    """From the home where both lie in one project, so that it may be moved; else in full."""
    return os.path.relpath(use_case, home) if use_case.is_relative_to(home.parent) else str(use_case)


_READ = msgspec.json.Decoder(FailedRun).decode
