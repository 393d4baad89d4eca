"""What a destination would have to be sent: whom it shall have, less what it acknowledged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from activation.deliveries.audience_rows import DesiredAudience
from activation.deliveries.destination import Destination, sizes_of
from activation.deliveries.destination_file import DestinationFile
from activation.deliveries.ledger import OPERATIONS, WAITS, LedgerMember, Operation, PendingRow
from scoring.audiences.deliveries.delivery_record import DeliveryReport

SMALLEST = {"meta": 100, "linkedin": 300, "tiktok": 1_000, "google": 100}  # customers, below which ads single one out


class DeliveryRefusedError(ValueError):
    """A rule forbids to send what was planned."""


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """Rows to send, each operation in batches of its own, removals first."""

    rows: Sequence[PendingRow]
    adds: int
    updates: int
    removes: int
    had: int  # members before
    shall: int  # members after

    def calls(self, destination: Destination) -> int:
        """How many calls it takes at least."""
        sizes, total = sizes_of(destination), 0
        for operation in OPERATIONS:
            for stage, size in enumerate(sizes[operation]):
                total += ceil(sum(row.op == operation and row.stage <= stage for row in self.rows) / size)
        return total


def delivery_plan(
    desired: Mapping[bytes, tuple[str, bytes]],
    members: Mapping[bytes, LedgerMember],
    pending: Sequence[PendingRow],
    sizes: Mapping[Operation, tuple[int, ...]],
) -> DeliveryPlan:
    """The difference; rows that are on their way already keep their batch and how far they got.

    Whoever may have arrived without an answer, and shall not be there any more, is removed too. A member whose address
    changed is removed under the old one and sent anew.

    Args:
        desired: By keyed hash the digest of what a member shall have, and the keyed hash of the address.
        members: What was acknowledged.
        pending: What an earlier sync had still to do.
        sizes: Rows of a batch by operation, of the first step.
    """
    pending = [row._replace(stage=0) if row.stage == WAITS else row for row in pending]
    under_way: dict[tuple[bytes, Operation], PendingRow] = {(row.who, row.op): row for row in pending}
    unsure = {row.who for row in pending if row.sent}  # what it has of them is known by no answer
    there = {who: (one.remote, one.address) for who, one in members.items()}
    maybe = {row.who: (row.remote, row.address) for row in pending if row.op == "upsert" and row.sent}
    removed = {who: named for who, named in {**maybe, **there}.items() if who not in desired}
    elsewhere = {who: named for who, named in {**maybe, **there}.items() if who in desired}
    moved = {who: named for who, named in elsewhere.items() if named[1] != desired[who][1]}
    rows = [_remove(who, *named, under_way) for who, named in {**removed, **moved}.items()]
    added = updated = 0
    for who, (digest, address) in desired.items():
        known = members.get(who)
        if known is not None and (known.digest, known.address) == (digest, address) and who not in unsure:
            continue
        added, updated = added + (known is None), updated + (known is not None)
        remote = known.remote if known and who not in moved else None
        rows.append(_upsert(PendingRow(who, "upsert", digest, address, remote, -1, 0, 0), under_way))
    batched = _batched(rows, sizes)
    return DeliveryPlan(batched, added, updated, len(removed), len(members), len(desired))


def check_plan(plan: DeliveryPlan, file: DestinationFile, *, allow_shrink: str | None) -> None:
    """Refuses a plan that would take away more than is usual, or upload an audience that is too small.

    Args:
        plan: As it would be sent.
        file: Whose limits hold.
        allow_shrink: The destination's name, where more may go this once.

    Raises:
        DeliveryRefusedError: It must not be sent.
    """
    least = file.limits.smallest
    if least is None:
        least = SMALLEST[file.destination.preset] if file.destination.is_for_ads else 0
    if plan.shall < least:
        raise DeliveryRefusedError(
            f"An audience of this destination must be of at least {least:,} customers, got {plan.shall:,}: a smaller "
            "one would single customers out."
        )
    if plan.had and plan.removes > file.limits.shrink * plan.had and allow_shrink != file.name:
        raise DeliveryRefusedError(
            f"At most {file.limits.shrink:.0%} of the members may be removed at once, got {plan.removes:,} of "
            f"{plan.had:,}; where that is meant, `--allow-shrink {file.name}` lets it pass this once."
        )


def planned_report(
    plan: DeliveryPlan, audience: DesiredAudience, destination: Destination, *, changes: int
) -> DeliveryReport:
    """A plan as it is shown."""
    return DeliveryReport(
        adds=plan.adds,
        updates=plan.updates,
        removes=plan.removes,
        left_out=audience.left_out,
        calls=plan.calls(destination) + ceil(changes / destination.changes_at_once),
        changes=changes,
        as_of=audience.as_of.isoformat(),
        versions={**audience.models, "policy": audience.policy},
    )


def _remove(
    who: bytes, remote: str | None, address: bytes, under_way: Mapping[tuple[bytes, Operation], PendingRow]
) -> PendingRow:
    known = under_way.get((who, "remove"))
    return known or PendingRow(who, "remove", "", address, remote, -1, 0, 0)


def _upsert(row: PendingRow, under_way: Mapping[tuple[bytes, Operation], PendingRow]) -> PendingRow:
    known = under_way.get((row.who, "upsert"))
    if known is None:
        return row
    if (known.digest, known.address) == (row.digest, row.address):
        return known
    if known.address != row.address:
        return row  # what may have arrived is removed under the old one
    return row._replace(sent=known.sent, remote=row.remote or known.remote)


def _batched(rows: Sequence[PendingRow], sizes: Mapping[Operation, tuple[int, ...]]) -> list[PendingRow]:
    """Rows with the number of their batch: those under way keep theirs, others are dealt out after them."""
    last = max((row.batch for row in rows), default=-1)
    found = [row for row in rows if row.batch >= 0]
    for operation in OPERATIONS:
        fresh = sorted((row for row in rows if row.batch < 0 and row.op == operation), key=lambda row: row.who)
        for place, row in enumerate(fresh):
            found.append(row._replace(batch=last + 1 + place // sizes[operation][0]))
        last = max((row.batch for row in found), default=last)
    return found
