"""Where the contacts of a home are: a file of the user's own, read anew each time, never copied."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from scoring.segments.assignment import SEGMENTS_FOLDER

CONTACTS = "contacts.json"  # beside the policies; `python -m scoring contacts` writes it


@dataclass(frozen=True, slots=True)
class ContactsFile:
    """A Parquet or CSV file of contacts, and its columns of addresses and of consent."""

    path: Path
    email: str
    consent: str


def named_contacts(home: Path) -> ContactsFile | None:
    """Where the contacts of a home are; None where it has no record of them, or the file is not one of ours."""
    try:
        record = json.loads((home / SEGMENTS_FOLDER / CONTACTS).read_bytes())
        return ContactsFile(Path(record["path"]), str(record["email"]), str(record["consent"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
