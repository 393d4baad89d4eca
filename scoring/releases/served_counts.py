"""HOME/served/NAME/VERSION/DAY/: how many of the values that a version scored on a day lay in which bin.

The bins are those of the version's `reference.json`. Each writer has a file of its own, and readers add them up. There
is nothing of a customer in them: neither an id nor a value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from shutil import rmtree
from typing import Literal

import msgspec
from msgspec import Struct

from features.spec.atomic import write_file
from scoring.errors import BundleError

SERVED = "served"
Door = Literal["http", "batch"]


FEWEST = 20  # rows whose counts are kept


class ServedCounts(Struct, frozen=True, kw_only=True):
    """What one writer counted of a day."""

    door: Door
    rows: int  # that were scored
    counted: int  # of them, of which the bins are: where there were very many, a sample
    features: dict[str, tuple[int, ...]]  # by bin, as `reference.json` has them, missing values last
    score: tuple[int, ...]


def served_folder(home: Path, use_case: str, version: str) -> Path:
    """Where the days of a version stand, or would."""
    return home / SERVED / use_case / version


def write_served(home: Path, use_case: str, version: str, day: date, writer: str, counts: ServedCounts) -> None:
    """Replaces what a writer counted of a day; counts of fewer than FEWEST rows are not kept: one row's are its values.

    Raises:
        OSError: It cannot be written.
    """
    if counts.counted < FEWEST:
        return
    file = served_folder(home, use_case, version) / day.isoformat() / f"{counts.door}-{writer}.json"
    write_file(file, msgspec.json.encode(counts), mode=0o600)


def served_days(home: Path, use_case: str, version: str) -> list[date]:
    """The days of which something was counted, the earliest first."""
    return sorted(date.fromisoformat(one.name) for one in served_folder(home, use_case, version).glob("????-??-??"))


def read_served(home: Path, use_case: str, version: str, days: Sequence[date]) -> dict[Door, ServedCounts]:
    """What was counted on some days, by door; one by which nothing came is missing.

    Raises:
        BundleError: A file is damaged.
    """
    found: defaultdict[Door, list[ServedCounts]] = defaultdict(list)
    for day in days:
        for file in sorted((served_folder(home, use_case, version) / day.isoformat()).glob("[!.]*.json")):
            try:
                counts = _DECODE(file.read_bytes())
            except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
                raise BundleError(f"{file.name} must be counts as served, got {type(error).__name__}.") from error
            found[counts.door].append(counts)
    return {door: summed(all_of) for door, all_of in found.items()}


def forget_served(home: Path, before: date) -> None:
    """Removes the counts of days that are long gone, of every version."""
    for folder in (home / SERVED).glob("*/*/????-??-??"):
        if folder.name < before.isoformat():
            rmtree(folder, ignore_errors=True)


def summed(counts: Sequence[ServedCounts]) -> ServedCounts:
    """All as one; they are of one version, and so of the same bins."""
    first = counts[0]
    return ServedCounts(
        door=first.door,
        rows=sum(one.rows for one in counts),
        counted=sum(one.counted for one in counts),
        features={name: _added([one.features.get(name, ()) for one in counts]) for name in first.features},
        score=_added([one.score for one in counts]),
    )


def _added(rows: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*(row for row in rows if row), strict=True)))


_DECODE = msgspec.json.Decoder(ServedCounts).decode  # looked up now: two threads that are the first crash msgspec
