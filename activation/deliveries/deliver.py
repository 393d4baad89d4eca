"""A destination planned, pulled and synced, from its file to the record that pages read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import msgspec

from activation.deliveries.audience_rows import (
    DesiredAudience,
    ReachedPeople,
    desired_audience,
    frozen_snapshot,
    identity_of,
    reached_people,
)
from activation.deliveries.delivery_plan import (
    DeliveryPlan,
    DeliveryRefusedError,
    check_plan,
    delivery_plan,
    planned_report,
)
from activation.deliveries.destination import Destination, sizes_of
from activation.deliveries.destination_file import DestinationFile
from activation.deliveries.ledger import DeliveryLedger
from activation.deliveries.ledger_file import one_sync_at_a_time
from activation.deliveries.pull import PulledIn, pull_back, pulled_at
from activation.deliveries.segment_changes import ChangesToSend, StandNow, plan_changes, stands_now
from activation.deliveries.segment_ledger import SegmentLedger
from activation.deliveries.sync import Sync
from activation.deliveries.transport import (
    BatchRefusedError,
    DeliveryClock,
    DeliveryStoppedError,
    DestinationRefusedError,
    Transport,
)
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import keyed
from scoring.audiences.addressable import addressable_rows
from scoring.audiences.deliveries.delivery_record import DeliveryRecord, DeliveryReport, keep_record, record_named
from scoring.audiences.export_log import log_export
from scoring.audiences.pressure.contact_history import one_list_at_a_time
from scoring.audiences.pressure.restraint import note_list
from scoring.audiences.snapshot import SegmentSnapshot
from scoring.privacy.audit_trail import Fact, command_actor, record
from scoring.privacy.suppression import erased_hashes
from scoring.segments.assignment import current_policy

_EMPTY = DeliveryReport(adds=0, updates=0, removes=0, left_out={}, calls=0)


@dataclass(frozen=True)
class Delivery:
    """One destination of a home, and the way to it."""

    home: Path
    file: DestinationFile
    destination: Destination
    clock: DeliveryClock = field(default_factory=DeliveryClock)

    @property
    def ledger(self) -> DeliveryLedger:
        """What it acknowledged."""
        return DeliveryLedger(self.home, self.file.name)

    @property
    def segment_ledger(self) -> SegmentLedger:
        """What it heard of changes of segment."""
        return SegmentLedger(self.home, self.file.name)

    def transport(self) -> Transport:
        """A way within its limits."""
        limits = self.file.limits
        return Transport(per_minute=limits.per_minute, patience=limits.patience, clock=self.clock)


@dataclass(frozen=True, slots=True)
class _Made:
    """What a plan was made of."""

    snapshot: SegmentSnapshot
    people: ReachedPeople
    audience: DesiredAudience
    plan: DeliveryPlan
    now: Mapping[bytes, StandNow]
    members: frozenset[bytes]  # of the audience
    report: DeliveryReport


def plan(delivery: Delivery, *, allow_shrink: str | None = None) -> DeliveryReport:
    """What a sync would send now; nothing leaves, and nothing is asked of the destination.

    Raises as `sync`; a rule that would forbid it stands in the report.
    """
    with one_sync_at_a_time(delivery.home, delivery.file.name), one_list_at_a_time(delivery.home):
        made = _made(delivery, keep=False)
    report = made.report
    try:
        check_plan(made.plan, delivery.file, allow_shrink=allow_shrink)
    except DeliveryRefusedError as refusal:
        report = msgspec.structs.replace(report, why=str(refusal))
    _keep(delivery, planned=report, planned_at=delivery.clock.now())
    return report


def sync(delivery: Delivery, *, allow_shrink: str | None = None) -> DeliveryReport:
    """Asks what came back, plans anew, and sends; what was stopped goes on with the next sync.

    Raises:
        DeliveryRefusedError: A rule forbids to send it: nothing left.
        DestinationRefusedError: The destination takes nothing as things are.
        AudienceError: The snapshot or the contacts are not what they must be.
        BatchError: A file cannot be read.
        StaleDayError: The day is too old to leave.
        PopulationError: It is damaged.
        LedgerError: The ledger cannot be read or written.
        SuppressionError: Nobody knows who must not be addressed.
        PressureError: Nobody knows who was addressed already.
        BundleError: What scored the day is gone.
    """
    with one_sync_at_a_time(delivery.home, delivery.file.name), delivery.transport() as transport:
        try:
            report = _synced(delivery, transport, allow_shrink)
        except (DeliveryRefusedError, DestinationRefusedError):
            _note_end(delivery, None)
            raise
        _note_end(delivery, report)
        return report


def pull(delivery: Delivery) -> DeliveryReport:
    """Takes in what came back, and nothing else; raises as `sync`."""
    with one_sync_at_a_time(delivery.home, delivery.file.name), delivery.transport() as transport:
        report = _EMPTY
        try:
            report = msgspec.structs.replace(report, stops=_pull(delivery, transport).stops)
        except DeliveryStoppedError as stopped:
            report = msgspec.structs.replace(report, status="stopped", why=str(stopped))
        _keep(delivery)
        return msgspec.structs.replace(report, calls=transport.calls)


def status(delivery: Delivery) -> DeliveryRecord:
    """How the last plan and sync went."""
    return record_named(delivery.home, delivery.file.name) or _record(delivery)


def _synced(delivery: Delivery, transport: Transport, allow_shrink: str | None) -> DeliveryReport:
    try:
        pulled = _pull(delivery, transport)
    except DeliveryStoppedError as stopped:
        report = msgspec.structs.replace(_EMPTY, status="stopped", calls=transport.calls, why=f"pull: {stopped}")
        _keep(delivery, synced=report, synced_at=delivery.clock.now())
        return report
    with one_list_at_a_time(delivery.home):
        made = _made(delivery, keep=True)
        check_plan(made.plan, delivery.file, allow_shrink=allow_shrink)
        _note(delivery, made)
        made.audience.forget_marks()
        made = replace(made, plan=replace(made.plan, rows=()))  # they are in the ledger
    return _sent(delivery, made, transport, pulled)


def _pull(delivery: Delivery, transport: Transport) -> PulledIn:
    people = reached_people(delivery.home, delivery.file.consent, delivery.clock.now())
    try:
        return pull_back(delivery.home, delivery.file, delivery.ledger, delivery.destination, people, transport)
    except BatchRefusedError as refusal:
        raise DestinationRefusedError(f"What came back cannot be read, so nothing is sent: {refusal}.") from None


def _made(delivery: Delivery, *, keep: bool) -> _Made:
    home, file, ledger, destination = delivery.home, delivery.file, delivery.ledger, delivery.destination
    snapshot = frozen_snapshot(home, file.audience)
    people = reached_people(home, file.consent, delivery.clock.now())
    audience = desired_audience(home, file, snapshot, people)
    stay = _left_to_others(delivery, snapshot, people, audience)
    members = {who: one for who, one in ledger.members().items() if who not in stay}
    pending = [row for row in ledger.pending() if row.who not in stay]
    made = delivery_plan(audience.marks, members, pending, sizes_of(destination))
    now: Mapping[bytes, StandNow] = {}
    changes = 0
    if file.audience.changes:
        now = stands_now(home, file, snapshot, people)
        heard = None if destination.hears_of_everybody else audience.marks.keys()
        planned = plan_changes(delivery.segment_ledger, now, heard, current_policy(home), snapshot.as_of, keep=keep)
        changes = len(planned)
    if keep:
        ledger.plan(made.rows)
        ledger.lose(stay, at=delivery.clock.now().timestamp())
        ledger.forget([who for who in erased_hashes(home) if who not in audience.marks])
    report = planned_report(made, audience, destination, changes=changes)
    return _Made(snapshot, people, audience, made, now, frozenset(audience.marks) if changes else frozenset(), report)


def _left_to_others(
    delivery: Delivery, snapshot: SegmentSnapshot, people: ReachedPeople, audience: DesiredAudience
) -> frozenset[bytes]:
    """Who was there before us, is in the audience no more, and may still be addressed: they are left as they are.

    Whoever objects, is erased or takes consent back is removed, whoever added them.
    """
    gone = delivery.ledger.others() - audience.marks.keys()
    if not gone:
        return frozenset()
    ids = snapshot.column(CUSTOMER_ID)
    chosen = addressable_rows(delivery.home, snapshot, range(len(ids)), contacts=people.contacts, listed=None)
    return gone & {keyed(people.key, ids[row]) for row in chosen.rows}


def _note(delivery: Delivery, made: _Made) -> None:
    """In the log of what leaves, the trail and the history of contacts, before anything does."""
    audience, report = delivery.file.audience, made.report
    if not made.plan.rows and not report.changes:
        return
    written = sum(row.op == "upsert" for row in made.plan.rows)
    consent = delivery.file.consent
    document = {
        **{name: value for name in ("segment", "use_case", "top") if (value := getattr(audience, name)) is not None},
        **({"list": Path(audience.list).name} if audience.list else {}),
        "destination": delivery.file.name,
        "versions": report.versions,
        **{name: getattr(report, name) for name in ("adds", "updates", "removes")},
        "policy": made.audience.policy,
        "as_of": report.as_of,
        "internal": False,
        "channel": consent.channel,
        "purpose": consent.purpose,
        "members": len(made.audience) + sum(made.audience.left_out.values()),
        "written": written,
        "left_out": made.audience.left_out,
    }
    log_export(delivery.home, document, format_=delivery.file.destination.kind, by="command")
    if audience.list is None:
        added = _added(delivery, made)
        note_list(
            delivery.home,
            identity_of(delivery.file),
            [row.customer_id for row in made.audience.rows() if row.who in added],
        )


def _note_end(delivery: Delivery, report: DeliveryReport | None) -> None:
    """In the trail, how each sync ended; None: it was refused."""
    file = delivery.file
    audience = Path(file.audience.list).name if file.audience.list else file.audience.label
    about: dict[str, Fact] = {"destination": file.name, "kind": file.destination.kind, "list": audience}
    about["status"] = report.status if report else "refused"
    if report:
        about["versions"] = ", ".join(f"{name} {version}" for name, version in report.versions.items())
        about |= {name: getattr(report, name) for name in ("adds", "updates", "removes", "acknowledged", "changes")}
        about["rejected"] = sum(one.rows for one in report.rejected)
    record(delivery.home, "delivery", command_actor(), about=about)


def _added(delivery: Delivery, made: _Made) -> frozenset[bytes]:
    members = delivery.ledger.members()
    return frozenset(row.who for row in made.plan.rows if row.op == "upsert" and row.who not in members)


def _sent(delivery: Delivery, made: _Made, transport: Transport, pulled: PulledIn) -> DeliveryReport:
    """Sends it, with a record of it before and after."""
    begun = msgspec.structs.replace(made.report, status="stopped", calls=0, why="it was ended while it sent")
    _keep(delivery, synced=begun, synced_at=delivery.clock.now(), planned=None, planned_at=None)
    file, destination = delivery.file, delivery.destination
    run = Sync(file, delivery.ledger, destination, made.audience, made.people, pulled.others, transport)
    changes, ended = 0, {"status": "done", "why": None}
    try:
        run.run()
        if made.report.changes:
            sending = ChangesToSend(delivery.home, file, delivery.segment_ledger, made.snapshot, made.now, made.members)
            changes = sending.send(destination, transport, run.tally.reasons)
    except DeliveryStoppedError as stopped:
        ended = {"status": "stopped", "why": str(stopped)}
    except BatchRefusedError as refusal:
        ended = {"status": "stopped", "why": f"The changes of segment were refused: {refusal}."}
    except DestinationRefusedError as refusal:
        _keep(delivery, synced=msgspec.structs.replace(begun, why=str(refusal), calls=transport.calls))
        raise
    report = msgspec.structs.replace(
        made.report,
        calls=transport.calls,
        acknowledged=run.tally.acknowledged,
        rejected=run.tally.rejected,
        changes=changes,
        stops=pulled.stops,
        **ended,
    )
    _keep(delivery, synced=report, synced_at=delivery.clock.now())
    return report


def _record(delivery: Delivery) -> DeliveryRecord:
    file = delivery.file
    return DeliveryRecord(name=file.name, kind=file.destination.kind, audience=file.audience.label)


def _keep(delivery: Delivery, **changed: DeliveryReport | datetime | None) -> None:
    known = record_named(delivery.home, delivery.file.name) or _record(delivery)
    now = {
        **msgspec.structs.asdict(_record(delivery)),
        "members": len(delivery.ledger.members()),
        "pulled_at": pulled_at(delivery.ledger),
    }
    stated = {
        name: value for name, value in now.items() if name not in ("planned", "planned_at", "synced", "synced_at")
    }
    keep_record(delivery.home, msgspec.structs.replace(known, **{**stated, **changed}))
