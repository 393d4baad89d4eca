"""A sync: what is planned is sent in batches, and the ledger moves row by row as the destination acknowledges."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from activation.deliveries.audience_rows import DesiredAudience, ReachedPeople
from activation.deliveries.destination import (
    BatchedDestination,
    BatchRow,
    DeliveryBatch,
    Destination,
    RowAnswers,
    WholeDestination,
)
from activation.deliveries.ledger import OPERATIONS, DeliveryLedger, Operation, PendingRow
from activation.deliveries.transport import BatchRefusedError, Transport, without_names
from scoring.audiences.deliveries.delivery_record import RejectedRows

_SILENT = "the destination said nothing of the row"
WRITTEN = "written"  # the note of what a whole destination holds


@dataclass(slots=True)
class SyncTally:
    """What a sync did so far."""

    acknowledged: int = 0  # rows
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def rejected(self) -> tuple[RejectedRows, ...]:
        """The reasons, the most frequent first."""
        found = sorted(self.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
        return tuple(RejectedRows(reason, rows) for reason, rows in found)


@dataclass(frozen=True, slots=True)
class _Step:
    """One of the steps that rows of an operation take."""

    name: str  # the destination's
    destination: BatchedDestination
    operation: Operation
    stage: int
    size: int
    last: bool


class Sync:
    """One sync of one destination."""

    def __init__(
        self,
        ledger: DeliveryLedger,
        destination: Destination,
        audience: DesiredAudience,
        people: ReachedPeople,
        transport: Transport,
    ) -> None:
        """Reads nothing yet."""
        self._ledger, self._destination, self._transport = ledger, destination, transport
        self._audience, self._people = audience, people
        self._addresses: Mapping[bytes, str] = {}
        self.tally = SyncTally()

    def run(self, name: str) -> None:
        """Sends all that is pending, removals first.

        Args:
            name: The destination's, which makes its batches its own.

        Raises:
            DeliveryStoppedError: It goes on with the next sync.
            DestinationRefusedError: It takes nothing as things are.
            LedgerError: The ledger cannot be written.
        """
        if isinstance(self._destination, WholeDestination):
            self._write_all(self._destination, self._ledger.pending())
        elif isinstance(self._destination, BatchedDestination):
            self._addresses = self._people.addresses_of(self._ledger.leaving())
            for operation in OPERATIONS:
                sizes = self._destination.sizes[operation]
                for stage, size in enumerate(sizes):
                    self._step(_Step(name, self._destination, operation, stage, size, stage + 1 == len(sizes)))

    def _write_all(self, destination: WholeDestination, pending: Sequence[PendingRow]) -> None:
        self._ledger.mark_sent(pending, {})
        unless = None if pending else self._ledger.known(WRITTEN)
        digest = destination.write_all(self._audience.rows, self._transport, unless=unless)
        self._ledger.acknowledge(pending, {}, at=self._now())
        self._ledger.note(WRITTEN, digest)
        self.tally.acknowledged += len(pending)

    def _step(self, step: _Step) -> None:
        """Takes all that stand before a step through it, a batch at a time: each row moves on or is refused."""
        while rows := self._ledger.next_batch(step.operation, step.stage, step.size):
            self._send(step, rows)

    def _send(self, step: _Step, rows: Sequence[PendingRow]) -> None:
        """Sends rows together, and where they are refused as a whole in halves, until a bad one stands alone."""
        made = {row.who: self._batch_row(row) for row in rows}
        called = ((who, step.destination.remote_of(one.row)) for who, one in made.items() if one.row)
        known = {who: remote for who, remote in called if remote is not None}
        if step.stage == 0:
            self._ledger.mark_sent(rows, known)
        batch = DeliveryBatch(_identity(step, rows), step.operation, step.stage, list(made.values()))
        try:
            answers = step.destination.send(batch, self._transport)
        except BatchRefusedError as refusal:
            if len(rows) == 1:
                self._reject(rows, {rows[0].who: str(refusal)}, made)
                return
            half = len(rows) // 2
            for part in (rows[:half], rows[half:]):
                self._send(step, part)
            return
        self._settle(step, rows, answers, {**known, **answers.remotes}, made)

    def _settle(
        self,
        step: _Step,
        rows: Sequence[PendingRow],
        answers: RowAnswers,
        remotes: Mapping[bytes, str],
        made: Mapping[bytes, BatchRow],
    ) -> None:
        taken = [row for row in rows if row.who in answers.accepted and row.who not in answers.rejected]
        refused = [row for row in rows if row.who not in answers.accepted or row.who in answers.rejected]
        if refused:
            self._reject(refused, {row.who: answers.rejected.get(row.who, _SILENT) for row in refused}, made)
        if taken and step.last:
            self._ledger.acknowledge(taken, remotes, at=self._now())
            self.tally.acknowledged += len(taken)
        elif taken:
            self._ledger.move_on(taken, remotes)

    def _reject(self, rows: Sequence[PendingRow], reasons: Mapping[bytes, str], made: Mapping[bytes, BatchRow]) -> None:
        plain = {row.who: _plain(reasons[row.who], made[row.who]) for row in rows}
        self._ledger.reject(rows, plain, at=self._now())
        self.tally.reasons.update(plain.values())

    def _batch_row(self, row: PendingRow) -> BatchRow:
        if row.op == "upsert":
            return BatchRow(row.who, row.remote, row=self._audience.row(row.who))
        return BatchRow(row.who, row.remote, address=self._addresses.get(row.who))

    def _now(self) -> float:
        return self._transport.clock.now().timestamp()


def _plain(reason: str, row: BatchRow) -> str:
    """A reason that names nobody."""
    secret = [row.address or "", *([row.row.customer_id, row.row.address, row.row.phone or ""] if row.row else [])]
    return without_names(reason, *(one for one in secret if len(one) > 2))


def _identity(step: _Step, rows: Sequence[PendingRow]) -> str:
    """The same whenever the same rows are sent: a receiver that has seen it has them."""
    stated = b"".join(row.who + row.digest.encode() for row in rows)
    return hashlib.sha256(f"{step.name} {step.operation} {step.stage} ".encode() + stated).hexdigest()[:32]
