"""What a destination is: how many rows it takes at a time, how it is sent them, and what comes back from it.

A further kind is a file beside the others in `activation/destinations` with a class of this shape, and a line in
`kinds.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from activation.deliveries.audience_rows import MemberRow
from activation.deliveries.ledger import Operation
from activation.deliveries.transport import Transport
from scoring.audiences.deliveries.contact_stops import StopKind


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A row of a batch."""

    who: bytes  # the keyed hash of the id
    remote: str | None  # what the destination calls the member, once that is known
    row: MemberRow | None = None  # of an upsert
    address: str | None = None  # of a removal, where it is still known

    @property
    def key(self) -> str:
        """What names the member there without saying who it is."""
        return self.who.hex()[:32]


@dataclass(frozen=True, slots=True)
class DeliveryBatch:
    """Rows that are sent together."""

    id: str  # the same whenever the same rows are sent
    op: Operation
    stage: int
    rows: Sequence[BatchRow]


@dataclass(frozen=True, slots=True)
class RowAnswers:
    """What became of the rows of a batch, one by one; a row that is in neither was not acknowledged."""

    accepted: frozenset[bytes] = frozenset()
    rejected: Mapping[bytes, str] = field(default_factory=dict)  # the destination's reason
    remotes: Mapping[bytes, str] = field(default_factory=dict)  # what it calls members of whom that is new


@dataclass(frozen=True, slots=True)
class ChangedSegment:
    """A change of segment as it leaves."""

    id: str  # `customer-n`
    customer_id: str
    key: str
    before: str | None
    after: str | None
    at: str  # ISO date of the day
    why: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody who is sent no more: by what the destination calls them, or by address."""

    kind: StopKind
    remote: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class PulledBack:
    """What a destination says."""

    stops: Sequence[Stopped] = ()
    members: frozenset[str] | None = None  # what it calls those whom it has; None where it does not say


class Destination(Protocol):
    """One kind of destination."""

    takes_changes: bool  # whether changes of segment go out to it as events; else they are in the field

    def send_changes(self, identity: str, changes: Sequence[ChangedSegment], transport: Transport) -> None:
        """Sends changes of segment; the same batch has the same identity."""

    def pull(self, since: datetime | None, transport: Transport, *, known: bool) -> PulledBack:
        """What it says since a moment, of its members too where it has some that are known."""


@runtime_checkable
class BatchedDestination(Destination, Protocol):
    """A destination that takes members some at a time."""

    sizes: Mapping[Operation, tuple[int, ...]]  # rows a call, step by step

    def remote_of(self, row: MemberRow) -> str | None:
        """What it will call a member, where that follows from the row."""

    def send(self, batch: DeliveryBatch, transport: Transport) -> RowAnswers:
        """Sends a batch; raises BatchRefusedError where it is refused as a whole."""


@runtime_checkable
class WholeDestination(Destination, Protocol):
    """A destination that holds all members at once."""

    def write_all(self, rows: Callable[[], Iterable[MemberRow]], transport: Transport, *, unless: str | None) -> str:
        """Writes all members, unless what is there has a digest; returns the digest of what is there then."""


ALL_AT_ONCE: Mapping[Operation, tuple[int, ...]] = {"remove": (1_000_000_000,), "upsert": (1_000_000_000,)}


def sizes_of(destination: Destination) -> Mapping[Operation, tuple[int, ...]]:
    """Rows a call, step by step."""
    return destination.sizes if isinstance(destination, BatchedDestination) else ALL_AT_ONCE
