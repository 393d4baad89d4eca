"""What a run of a day was begun with and which of its steps are done: a file a day, by which a killed run goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from features.spec.atomic import write_file
from scoring.population.days import POPULATION, day_name, days_of

RUNS = "runs"  # beside the days
EARLIER = ".unfinished"  # what earlier code left beside the days: the id of a run whose later steps were not done
Stated = dict[str, Any]  # digests by what they are of; nothing of a customer
_LATER = ("models", "objectors")  # what becomes another while a run is under way: by its own training, by people
_OF_FEATURES = ("as_of", "sources", "rows", "code")


class RunRecord(msgspec.Struct, frozen=True):
    """One run of one day."""

    run_id: str
    stated: Stated  # what the id was made of
    done: tuple[str, ...] = ()  # steps, as they were done
    after: str | None = None  # the id by what the run itself changed in its end: its training promotes for the next day


def run_id_of(stated: Mapping[str, Any]) -> str:
    """The id of a run: the same inputs have the same one."""
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()[:16]


def features_id_of(stated: Mapping[str, Any]) -> str:
    """What tells the features of a run from others."""
    return run_id_of({name: stated[name] for name in _OF_FEATURES})


def read_record(home: Path, as_of: datetime) -> RunRecord | None:
    """The record of the day's last run; None where there is none, or what is there cannot be read."""
    try:
        return msgspec.json.decode(_file(home, as_of).read_bytes(), type=RunRecord)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def write_record(home: Path, as_of: datetime, record: RunRecord) -> None:
    """Replaces it, and takes those of days away that are no longer kept."""
    write_file(_file(home, as_of), msgspec.json.encode(record))
    kept = {day.folder.name for day in days_of(home)}
    for file in (home / POPULATION / RUNS).glob("*.json"):
        if file.stem not in kept and file != _file(home, as_of):
            file.unlink(missing_ok=True)
    (home / POPULATION / EARLIER).unlink(missing_ok=True)


def was_unfinished(home: Path, run_id: str) -> bool:
    """Whether earlier code left a run of this id at steps after its day."""
    file = home / POPULATION / EARLIER
    return file.exists() and file.read_text() == run_id


def with_sources_of(record: RunRecord | None, stated: Stated) -> Stated:
    """The inputs of now, with the sources as the run read them that a step alone goes on with.

    Where the use cases or the code are others by now, nothing was read for them.
    """
    if record is None or not _asks_alike(record.stated, stated):
        return stated
    return stated | {name: record.stated[name] for name in ("sources", "rows")}


def goes_on(record: RunRecord, stated: Stated, remaining: list[str]) -> bool:
    """Whether a run that was broken off is the run of what is there now.

    Objections that came since reach its day by its step `retention`. A model that was promoted since counts, unless
    the run itself trained it: then its training alone may be left.
    """
    unlike = {name for name in stated if stated[name] != record.stated.get(name)}
    later = set(_LATER) if remaining == ["retrain"] else {"objectors"}
    return bool(remaining) and not unlike - later


def _asks_alike(begun: Stated, now: Stated) -> bool:
    config = [{name: config for name, (_, config) in one["sources"].items()} for one in (begun, now)]
    return config[0] == config[1] and begun["code"] == now["code"]


def _file(home: Path, as_of: datetime) -> Path:
    return home / POPULATION / RUNS / f"{day_name(as_of)}.json"
