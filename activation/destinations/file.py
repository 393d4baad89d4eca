"""A file that always holds the whole audience: in a folder, in S3, or on a server by SFTP; it appears whole."""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from activation.deliveries.audience_rows import MemberRow
from activation.deliveries.destination import ChangedSegment, PulledBack, Stopped
from activation.deliveries.destination_file import DestinationFile
from activation.deliveries.transport import DeliveryStoppedError, Transport
from activation.destinations.file_forms import FORMS, write_members
from activation.destinations.file_places import place_of, split_address
from scoring.audiences.deliveries.contact_stops import StopKind
from scoring.storage.table_files import BatchError, read_batches

_KINDS: Mapping[str, StopKind] = {
    "unsubscribe": "unsubscribe",
    "unsubscribed": "unsubscribe",
    "complaint": "complaint",
    "spam": "complaint",
    "bounce": "bounce",
    "hard_bounce": "bounce",
}
T = TypeVar("T")


class FilePlace(Protocol):
    """Where files lie."""

    def put(self, source: Path, name: str) -> None:
        """Replaces a file by another's bytes; it appears whole or not at all. Raises OSError."""

    def digest(self, name: str) -> str | None:
        """The sha256 of a file; None where there is none. Raises OSError."""


class FileDestination:
    """One file."""

    changes_at_once, hears_of_everybody = 500, True

    def __init__(self, file: DestinationFile, url: str, password: str | None) -> None:
        """Keeps where it lies; nothing is opened yet."""
        self._file, self._preset = file, file.destination.preset
        folder, self._name = split_address(url, f"{file.name}.csv")
        self._place: Callable[[], FilePlace] = lambda: place_of(folder, password, file.destination.known_hosts)

    def write_all(self, rows: Callable[[], Iterable[MemberRow]], transport: Transport, *, unless: str | None) -> str:
        """Writes the file beside us, then puts it in its place."""
        place = self._opened()
        if unless is not None and _tried(lambda: place.digest(self._name)) == unless:
            return unless
        consent, fields = self._file.consent, list(self._file.audience.fields.values())
        with tempfile.TemporaryDirectory(prefix="penchant-") as folder:
            draft = Path(folder) / "members.csv"
            with draft.open("w", encoding=FORMS[self._preset].encoding, newline="") as file:
                phones = consent.has_numbers
                channel = "phone" if consent.is_by_phone else "email"
                country = self._file.destination.country
                write_members(file, rows(), self._preset, fields, address=channel, phones=phones, country=country)
            return self._put(place, draft, self._name, transport)

    def send_changes(self, identity: str, changes: Sequence[ChangedSegment], transport: Transport) -> Mapping[str, str]:
        """Writes changes of segment as a file of their own, whose name is the same whenever they are the same."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(["id", "type", "customer_id", "from", "to", "at", "why", "versions"])
        for one in changes:
            versions = msgspec.json.encode(one.versions, order="sorted").decode()
            ends = [one.before or "", one.after or "", one.at, one.why, versions]
            writer.writerow([one.id, "segment.changed", one.customer_id, *ends])
        with tempfile.TemporaryDirectory(prefix="penchant-") as folder:
            draft = Path(folder) / "changes.csv"
            draft.write_text(text.getvalue(), encoding="utf-8", newline="")
            self._put(self._opened(), draft, f"{self._file.name}-changes-{identity[:12]}.csv", transport)
        return {}

    def pull(
        self,
        since: datetime | None,  # noqa: ARG002 a file is read whole
        transport: Transport,  # noqa: ARG002 nothing is called
    ) -> PulledBack:
        """Reads the file that `back` names, where one is stated: `email`, and where known `reason`."""
        back = self._file.destination.back
        if back is None:
            return PulledBack()
        try:
            return PulledBack([stop for table in read_batches(Path(back)) for stop in _stops(table.to_pylist())])
        except (BatchError, OSError) as error:
            raise DeliveryStoppedError(f"The file of `back` must be readable, got {type(error).__name__}.") from None

    def _opened(self) -> FilePlace:
        return _tried(self._place)

    def _put(self, place: FilePlace, draft: Path, name: str, transport: Transport) -> str:
        transport.calls += 1
        _tried(lambda: place.put(draft, name))
        with draft.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _tried(action: Callable[[], T]) -> T:
    """What an action gives; where the place cannot be reached the sync stops, and goes on with the next one."""
    try:
        return action()
    except OSError as error:
        raise DeliveryStoppedError(f"Its place cannot be reached: {type(error).__name__}.") from None


def _stops(rows: Sequence[Mapping[str, object]]) -> Iterable[Stopped]:
    for row in rows:
        cells = {str(name).strip().casefold(): str(cell or "").strip() for name, cell in row.items()}
        reason = cells.get("reason", "").casefold()
        if cells.get("email"):
            yield Stopped(_KINDS.get(reason, "unsubscribe"), address=cells["email"])
