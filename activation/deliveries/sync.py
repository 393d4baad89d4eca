"""A sync: what is planned is sent in batches, and the ledger moves row by row as the destination acknowledges."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from activation.deliveries.audience_rows import DesiredAudience, MemberRow, ReachedPeople
from activation.deliveries.destination import (
    BatchedDestination,
    BatchRow,
    DeliveryBatch,
    Destination,
    RowAnswers,
    WholeDestination,
)
from activation.deliveries.destination_file import DestinationFile
from activation.deliveries.ledger import OPERATIONS, DeliveryLedger, LeavingRows, Operation, PendingRow
from activation.deliveries.pull import OthersThere
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

    destination: BatchedDestination
    operation: Operation
    stage: int
    size: int
    last: bool


class Sync:
    """One sync of one destination."""

    def __init__(
        self,
        file: DestinationFile,
        ledger: DeliveryLedger,
        destination: Destination,
        audience: DesiredAudience,
        people: ReachedPeople,
        others: OthersThere,
        transport: Transport,
    ) -> None:
        """Reads nothing yet."""
        self._file, self._ledger, self._destination, self._transport = file, ledger, destination, transport
        self._audience, self._people, self._others = audience, people, others
        self._addresses: Mapping[bytes, str] = {}
        self.tally = SyncTally()

    def run(self) -> None:
        """Sends all that is pending, removals first.

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
                    self._step(_Step(self._destination, operation, stage, size, stage + 1 == len(sizes)))

    def _write_all(self, destination: WholeDestination, pending: Sequence[PendingRow]) -> None:
        handed = {row.who: _fields(self._file, row) for row in self._audience.rows()} if pending else {}
        self._ledger.mark_leaving(pending, LeavingRows(handed=handed), at=self._now())
        before = self._ledger.known(WRITTEN)
        digest = destination.write_all(self._audience.rows, self._transport, unless=None if pending else before)
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
        self._ledger.mark_leaving(rows, self._leaving(rows, made, known), at=self._now())
        batch = DeliveryBatch(_identity(self._file.name, step, rows), step.operation, step.stage, list(made.values()))
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

    def _leaving(
        self, rows: Sequence[PendingRow], made: Mapping[bytes, BatchRow], known: Mapping[bytes, str]
    ) -> LeavingRows:
        ours: dict[bytes, bool] = {}
        for row in rows if self._others.remotes is not None else ():
            there = self._others.has(known.get(row.who, row.remote), row.address)
            if row.op == "upsert" and there is not None:
                ours[row.who] = not there
        return LeavingRows(known, ours, {who: _fields(self._file, one.row) for who, one in made.items() if one.row})

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
            reasons = {row.who: answers.rejected.get(row.who) for row in refused}
            unsure = {who: answers.unsure.get(who, _SILENT) for who, reason in reasons.items() if reason is None}
            self._reject(refused, {**answers.rejected, **unsure}, made, unsure=unsure)
        if taken and step.last:
            self._ledger.acknowledge(taken, remotes, at=self._now())
            self.tally.acknowledged += len(taken)
        elif taken:
            self._ledger.move_on(taken, remotes)

    def _reject(
        self,
        rows: Sequence[PendingRow],
        reasons: Mapping[bytes, str],
        made: Mapping[bytes, BatchRow],
        *,
        unsure: Collection[bytes] = (),
    ) -> None:
        plain = {row.who: _plain(reasons[row.who], made[row.who]) for row in rows}
        self._ledger.reject(rows, plain, unsure=unsure, at=self._now())
        self.tally.reasons.update(plain.values())

    def _batch_row(self, row: PendingRow) -> BatchRow:
        if row.op == "upsert":
            return BatchRow(row.who, row.remote, row=self._audience.row(row.who))
        hashed = row.address
        known = self._addresses.get(row.who)
        if known and hashed and self._people.hash_of(known) != hashed:
            known = None  # another address of theirs
        return BatchRow(row.who, row.remote, address=known, is_at=lambda one: self._people.hash_of(one) == hashed)

    def _now(self) -> float:
        return self._transport.clock.now().timestamp()


def _plain(reason: str, row: BatchRow) -> str:
    """A reason that names nobody."""
    secret = [row.address or "", *([row.row.customer_id, row.row.address, row.row.phone or ""] if row.row else [])]
    return without_names(reason, *(one for one in secret if len(one) > 2))


def _fields(file: DestinationFile, row: MemberRow) -> str:
    """The names of what leaves of a member: ours, whatever the destination calls them."""
    named = ["customer_id"] if file.hands_ids else []
    named.append("phone" if file.consent.is_by_phone else "email")
    named += ["phone"] if row.phone else []
    stated = file.audience.fields.items() if not file.destination.is_for_ads else ()
    return ",".join([*named, *(ours for ours, theirs in stated if theirs in row.values)])


def _identity(name: str, step: _Step, rows: Sequence[PendingRow]) -> str:
    """The same whenever the same rows are sent: a receiver that has seen it has them."""
    stated = b"".join(row.who + row.digest.encode() for row in rows)
    return hashlib.sha256(f"{name} {step.operation} {step.stage} ".encode() + stated).hexdigest()[:32]
