"""Copies of a source's rows: made beside the one that counts, put in its place at once, the former then removed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.config.origins.addresses import CURRENT, copy_folder, current_number, source_folder
from features.landing.manifest import LandedManifest, write_manifest
from features.spec.atomic import locked_file, put_in_place, sync, write_file

_WORK = ".work"  # a copy under way; what a killed ingest made of whole files in it is used again
_LOCK = ".lock"


@contextmanager
def only_lander(home: Path, source: str) -> Iterator[Path]:
    """Around all that changes the copies of a source; the folder of work under way, its owner's alone."""
    folder = source_folder(home, source)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked_file(folder / _LOCK):
        work = folder / _WORK
        work.mkdir(exist_ok=True, mode=0o700)
        try:
            yield work
        except ValueError:  # rows or columns that are not as they should be come no better by being used again
            shutil.rmtree(work, ignore_errors=True)
            raise


def current_rows(home: Path, source: str) -> Path | None:
    """The folder of the rows that count; None where nothing has landed."""
    number = current_number(home, source)
    return copy_folder(home, source, number) if number else None


def commit(home: Path, work: Path, rows: Path, manifest: LandedManifest) -> None:
    """Puts a copy in service: `rows`, a folder of its parts, with the manifest; nothing of the former one stays.

    A process killed at any moment leaves one of the two whole.
    """
    folder, former = source_folder(home, manifest.source), current_number(home, manifest.source)
    number = str(int(former or 0) + 1)
    draft = work / "copy"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    for part in rows.iterdir():
        sync(part)
    rows.rename(draft / manifest.source)
    write_manifest(draft, manifest)
    shutil.rmtree(folder / number, ignore_errors=True)  # of one that was killed before it counted
    put_in_place(draft, folder / number)
    write_file(folder / CURRENT, number.encode())
    remove_others(home, manifest.source)


def remove_others(home: Path, source: str) -> None:
    """Removes all of a source but the copy that counts."""
    number = current_number(home, source)
    for path in source_folder(home, source).iterdir():
        if path.is_dir() and path.name != number:
            shutil.rmtree(path, ignore_errors=True)


def remove_source(home: Path, source: str) -> None:
    """Removes all that a home keeps of a source."""
    shutil.rmtree(source_folder(home, source), ignore_errors=True)


def fresh_folder(work: Path, name: str) -> Path:
    """An empty folder in the work under way."""
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def part_name(number: int) -> str:
    """What the nth part of a copy is called.

    >>> part_name(7)
    'part-00007.parquet'
    """
    return f"part-{number:05}.parquet"


def link(source: Path, target: Path) -> None:
    """The same file under another name; where the file system has no such thing, a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
