"""What leaves as a list of customers: `contacts` says where addresses and consent are, `export` writes an audience."""

from __future__ import annotations

import json
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from features.spec.atomic import write_file
from scoring.audiences.addressable import AudienceCounts, addressees, counted, name_contacts
from scoring.audiences.audience import Audience, open_contacts, read_suppressed
from scoring.audiences.campaign import (
    CampaignList,
    CampaignPlan,
    CampaignVersions,
    SaltReusedError,
    record_campaign,
)
from scoring.audiences.campaign_window import predicted_answers
from scoring.audiences.contacts import CHANNEL, PURPOSE, ContactsFile
from scoring.audiences.export_formats import FORMS, write_audience
from scoring.audiences.export_log import log_export
from scoring.audiences.pressure.contact_history import one_list_at_a_time
from scoring.audiences.pressure.restraint import note_list
from scoring.audiences.snapshot import SegmentSnapshot
from scoring.cli.command_result import CommandResult, UsageError
from scoring.population.daily_file import check_age_of
from scoring.population.read_days import open_checked
from scoring.releases.store import manifest_of

_REASONS = {
    "suppressed": "suppressed",
    "no_contact": "not among the contacts",
    "no_consent": "without consent",
    "withdrawn": "with their consent withdrawn",
    "no_email": "without an address",
    "same_email": "with an address that is taken already",
    "control": "in the control group, which is on no list",
    "pressure": "on as many lists lately as [pressure] allows",
    "priority": "left to a list that goes first",
    "holdout": "in the holdout",
}
_INTERNAL = "Ids only, for use inside the house: nobody's consent was checked, so nobody is addressed by this list."
_OF_CONTACTS = ("contacts", "email", "consent", "consent_table", "channel", "purpose")


def export(options: Namespace) -> CommandResult:
    """`export`: a segment's members who may be addressed, in the form a tool imports; --internal their ids alone."""
    _check_export(options)
    check_age_of(options.home, options.snapshot)
    snapshot = open_checked(options.snapshot)
    if options.segment not in snapshot.codes:
        raise UsageError(f"A segment must be of the snapshot ({', '.join(snapshot.codes)}), got another.")
    file = None if options.internal else _contacts_file(options.contacts, options)
    contacts = open_contacts(file, at=datetime.now(UTC)) if file else None
    suppressed = read_suppressed(options.suppress, email=options.email, contacts=contacts) if options.suppress else None
    with one_list_at_a_time(options.home):
        audience = addressees(
            options.home,
            snapshot,
            options.segment,
            contacts=contacts,
            suppressed=suppressed,
            holdout=options.holdout,
            salt=options.salt or "",
        )
        counts = counted(snapshot, options.segment, audience, file)
        campaign = {"campaign": _campaign(options, snapshot, audience)} if options.holdout else {}
        log_export(options.home, {**counts, **campaign}, format_=options.format, by="command")
        note_list(options.home, audience.identity, audience.customers)
    document = {**counts, **campaign, "output": str(options.output), **_write_companions(options, audience, counts)}
    write_audience(audience.rows, options.output, options.format)
    if not options.internal:
        _mark(options.output).unlink(missing_ok=True)  # of a list of ids that stood there before
    words = [f"{counts['written']:,} of {counts['members']:,} members written to {options.output}."]
    words += [f"{count:,} left out: {_REASONS[reason]}." for reason, count in sorted(audience.left_out.items())]
    return CommandResult(document, [*words, _INTERNAL] if options.internal else words)


def _campaign(options: Namespace, snapshot: SegmentSnapshot, audience: Audience) -> str:
    """The id of the campaign that an audience with a hold-out is kept as.

    Raises:
        UsageError: The salt has drawn another hold-out before.
        CampaignError: A campaign of the home cannot be read.
    """
    facts = snapshot.facts
    use_case = next(iter(facts["models"]))  # whose prediction tells what an answer is, unless that is stated
    window, metric = predicted_answers(manifest_of(options.home, use_case))
    plan = CampaignPlan(
        salt=options.salt,
        holdout=options.holdout,
        list=CampaignList(use_case=use_case, snapshot=f"{facts['as_of']}T00:00:00Z", segment=options.segment),
        versions=CampaignVersions(facts["models"], facts["policy"]),
        window=options.window or window,
        metric=options.metric or metric,
        planned_look=options.planned_look,
    )
    try:
        made = record_campaign(options.home, plan, treated=audience.customers, holdout_ids=audience.holdout_ids)
    except SaltReusedError as error:
        raise UsageError(f"{error} Give this list a --salt of its own.") from None
    return made.id


def contacts(options: Namespace) -> CommandResult:
    """`contacts FILE`: says where the contacts are, for audiences that leave by the console."""
    if broken := _broken_consent(options):
        raise UsageError(" ".join(broken))
    found = name_contacts(options.home, _contacts_file(options.file, options))
    agreed = sum(found.consent.values())
    document = {"contacts": len(found.consent), "agreed": agreed}
    return CommandResult(
        document, [f"{len(found.consent):,} contacts, {agreed:,} of them agreed; the file stays where it is."]
    )


def _contacts_file(path: Path, options: Namespace) -> ContactsFile:
    return ContactsFile(path, options.email, options.consent, options.consent_table, *_use(options))


def _use(options: Namespace) -> tuple[str, str]:
    """The channel and the purpose that are asked for."""
    return (options.channel or CHANNEL).strip().casefold(), (options.purpose or PURPOSE).strip().casefold()


def _write_companions(options: Namespace, audience: Audience, counts: AudienceCounts) -> dict[str, str]:
    """What lies beside the output: whom the holdout is, and that ids are internal."""
    kept = {"segment": counts["segment"], "policy": counts["policy"], "as_of": counts["as_of"]}
    written = {}
    if options.holdout:
        record = options.output.with_name(f"{options.output.name}.holdout.json")
        holdout = {"share": options.holdout, "salt": options.salt, "customer_ids": list(audience.holdout_ids)}
        _write_json(record, {**kept, **holdout})
        written["holdout"] = str(record)
    if options.internal:
        mark = _mark(options.output)
        _write_json(mark, {"internal": True, **kept, "written": counts["written"], "note": _INTERNAL})
        written["mark"] = str(mark)
    return written


def _mark(output: Path) -> Path:
    return output.with_name(f"{output.name}.internal.json")


def _write_json(path: Path, record: object) -> None:
    write_file(path, (json.dumps(record, ensure_ascii=False, indent=1) + "\n").encode())


def _check_export(options: Namespace) -> None:
    broken = []
    if not 0 <= options.holdout < 1:
        broken.append(f"--holdout must be a share in [0, 1), got {options.holdout}.")
    if options.holdout and not options.salt:
        broken.append("--holdout needs a --salt, which says whose turn it is, got none.")
    given = [f"--{name.replace('_', '-')}" for name in _OF_CONTACTS if getattr(options, name) is not None]
    if options.internal and given:
        broken.append(f"--internal writes ids only and reads no contacts, got {', '.join(given)}.")
    if not options.internal and options.contacts is None:
        broken.append(
            "An export needs --contacts, with addresses and who agreed: nobody is addressed who did not agree; "
            "--internal writes ids only, for use inside the house. Got neither."
        )
    if options.contacts is not None and not options.internal:
        broken += _broken_consent(options)
    addressed = options.format in FORMS and FORMS[options.format].addressed
    if addressed and (options.internal or options.contacts is None):
        broken.append(f"--format {options.format} needs --contacts with addresses and consent, got none.")
    elif addressed and _use(options)[0] != CHANNEL:
        broken.append(f"--format {options.format} is of the channel {CHANNEL}, got another --channel.")
    if broken:
        raise UsageError(" ".join(broken))


def _broken_consent(options: Namespace) -> list[str]:
    """What is wrong with how contacts say who agreed."""
    broken = []
    if not options.email or (options.consent is None) == (options.consent_table is None):
        broken.append(
            "--contacts needs --email and --consent, or --email and --consent-table: nobody is addressed who did not "
            "agree."
        )
    if options.consent is not None and _use(options) != (CHANNEL, PURPOSE):
        broken.append(
            f"A column of --consent speaks of the channel {CHANNEL} and the purpose {PURPOSE} alone; another needs a "
            "--consent-table."
        )
    return broken
