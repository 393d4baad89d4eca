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
    is_at: Callable[[str], bool] = field(default=lambda _: False, compare=False)  # whether an address is the member's

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
    unsure: Mapping[bytes, str] = field(default_factory=dict)  # why it is not known what became of them
    remotes: Mapping[bytes, str] = field(default_factory=dict)  # what it calls members of whom that is new


@dataclass(frozen=True, slots=True)
class ChangedSegment:
    """A change of segment as it leaves."""

    id: str  # `customer-n`
    customer_id: str
    key: str
    address: str
    before: str | None
    after: str | None
    at: str  # ISO date of the day
    why: str
    versions: Mapping[str, str]
    unsure: bool = False  # whether it may have arrived already


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
    addresses: Mapping[str, str] | None = None  # of members, by what it calls them, where it says so


class Destination(Protocol):
    """One kind of destination."""

    changes_at_once: int  # changes of segment in a call
    hears_of_everybody: bool  # whether of changes of all who may be addressed, or of its audience's alone

    def send_changes(self, identity: str, changes: Sequence[ChangedSegment], transport: Transport) -> Mapping[str, str]:
        """Sends changes of segment; by id why some are not for it. The same batch has the same identity."""

    def pull(self, since: datetime | None, transport: Transport) -> PulledBack:
        """What it says since a moment, and its members."""


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
