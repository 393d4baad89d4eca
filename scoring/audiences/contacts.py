"""Where the contacts of a home are: files of the user's own, read anew each time, never copied."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from scoring.segments.assignment import SEGMENTS_FOLDER

CONTACTS = "contacts.json"  # beside the policies; `python -m scoring contacts` writes it
CHANNEL, PURPOSE = "email", "marketing"  # what a column of consent speaks of


@dataclass(frozen=True, slots=True)
class ContactsFile:
    """A Parquet or CSV file of contacts, and where it stands who agreed: a column of it, or a table of consent."""

    path: Path
    email: str  # its column of addresses
    consent: str | None  # its column of consent; None where `table` says who agreed
    table: Path | None = None
    channel: str = CHANNEL
    purpose: str = PURPOSE

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file that is read."""
        return (self.path,) if self.table is None else (self.path, self.table)

    def to_json(self) -> dict[str, str | None]:
        """As `named_contacts` reads it back."""
        record: dict[str, str | None] = {"path": str(self.path.resolve()), "email": self.email}
        if self.table is None:
            return {**record, "consent": self.consent}
        table = {"consent_table": str(self.table.resolve()), "channel": self.channel, "purpose": self.purpose}
        return {**record, **table}


def named_contacts(home: Path) -> ContactsFile | None:
    """Where the contacts of a home are; None where it has no record of them, or the file is not one of ours."""
    try:
        record = json.loads((home / SEGMENTS_FOLDER / CONTACTS).read_bytes())
        path, email = Path(record["path"]), str(record["email"])
        if "consent_table" not in record:
            return ContactsFile(path, email, str(record["consent"]))
        table = Path(record["consent_table"])
        return ContactsFile(path, email, None, table, str(record["channel"]), str(record["purpose"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
