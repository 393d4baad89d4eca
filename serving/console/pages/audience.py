"""A segment's audience exported by the page: counted first, then as a file; nobody in it who did not agree."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request

from scoring.audiences.contacts import CHANNEL, ContactsFile, named_contacts
from scoring.audiences.pressure.pressure_rules import PressureError
from scoring.privacy.suppression import SuppressionError
from serving.console.views.segment_sizes import Sizes, sizes
from serving.console.web import forms
from serving.http.problems import BAD_REQUEST, NOT_ALLOWED, NOT_READY, TOO_OLD, Problem
from serving.http.reply import Reply
from serving.telemetry import logs
from serving.worker.request_context import CONTEXT, RequestContext

if TYPE_CHECKING:
    from scoring.audiences.addressable import AudienceCounts

SCOPE = "admin"
FORMATS = {  # with ending and media type
    "csv": (".csv", b"text/csv; charset=utf-8"),
    "excel-fr": (".csv", b"text/csv; charset=utf-8"),
    "brevo": (".csv", b"text/csv; charset=utf-8"),
    "mailchimp": (".csv", b"text/csv; charset=utf-8"),
    "parquet": (".parquet", b"application/vnd.apache.parquet"),
}


_MAILING = ("brevo", "mailchimp")


@dataclass(frozen=True, slots=True)
class ExportState:
    """Whether audiences can be exported here; `refusal` is the key of a text that explains why not."""

    refusal: str | None = None
    snapshot: Path = Path()
    contacts: ContactsFile | None = None


def export_state(counted: Sizes | None) -> ExportState:
    """What an audience would be made of: the last snapshot or day, and the contacts that were named."""
    context = CONTEXT.get()
    if context.key is not None and SCOPE not in context.key.scopes:
        return ExportState("audience_scope")
    if counted is None or not counted.of_this_policy or counted.snapshot is None or not counted.snapshot.exists():
        return ExportState("audience_unfrozen")
    contacts = named_contacts(context.runtime.settings.home)
    if contacts is None or not all(path.exists() for path in contacts.paths):
        return ExportState("audience_contacts")
    return ExportState(None, counted.snapshot, contacts)


def formats_of(found: ExportState) -> list[str]:
    """The forms offered: tools that mail import addresses of e-mail only."""
    by_mail = found.contacts is None or found.contacts.channel == CHANNEL
    return [name for name in FORMATS if by_mail or name not in _MAILING]


async def download(request: Request) -> Reply:
    """POST /console/audience: the audience of a segment as a file."""
    posted = await forms.fields(request)
    document, content = await prepare(posted, write=True)
    ending, kind = FORMATS[posted["format"]]
    name = f"{document['segment']}-{document['as_of']}{ending}"
    return Reply(200, content, kind, [(b"content-disposition", f'attachment; filename="{name}"'.encode())])


async def prepare(posted: Mapping[str, str], *, write: bool) -> tuple[AudienceCounts, bytes]:
    """The counts of a posted segment's audience, and its file where it is to be written.

    Raises:
        Problem: 403 without the scope, 400 for what is no segment or format, 409 for a day that is too old, 503 where a
            file cannot be read.
    """
    context = CONTEXT.get()
    policy = context.snapshot.policy
    found = export_state(sizes(context.runtime.settings.home, policy))
    if found.refusal == "audience_scope":
        raise Problem(NOT_ALLOWED, f"The key needs the scope {SCOPE}.")
    if found.refusal:
        raise Problem(NOT_READY, "An audience needs a snapshot of these segments and named contacts.")
    code, format_ = posted.get("segment", ""), posted.get("format", "")
    if code not in policy.by_code or format_ not in formats_of(found):
        raise Problem(BAD_REQUEST, "An audience is of one of the segments, in one of the forms offered.")
    document, content = await context.runtime.work(lambda: _prepared(found, context, code, format_, write))
    if write:
        logs.write(
            "audience_left",
            request_id=context.request_id,
            key=context.key.name if context.key else None,
            segment=code,
            format=format_,
            rows=document["written"],
        )
    return document, content


def _prepared(
    found: ExportState, context: RequestContext, code: str, format_: str, write: bool
) -> tuple[AudienceCounts, bytes]:
    from scoring.audiences.addressable import (  # only a server that is asked for an audience needs pyarrow
        addressees,
        counted,
    )
    from scoring.audiences.audience import open_contacts
    from scoring.audiences.export_formats import write_audience
    from scoring.audiences.export_log import log_export
    from scoring.audiences.pressure.contact_history import one_list_at_a_time
    from scoring.audiences.pressure.restraint import note_list
    from scoring.audiences.snapshot import AudienceError
    from scoring.population.customer_pages import StaleDayError
    from scoring.population.daily_file import check_age_of
    from scoring.population.days import PopulationError
    from scoring.population.read_days import open_checked
    from scoring.storage.table_files import BatchError

    file = found.contacts
    assert file  # noqa: S101 there is no refusal
    home = context.runtime.settings.home
    try:
        check_age_of(home, found.snapshot)
        snapshot = open_checked(found.snapshot)
        if snapshot.facts["policy"] != context.snapshot.policy.version:
            raise AudienceError("The snapshot must be of the segments that are installed, got one of others.")
        contacts = open_contacts(file, at=datetime.now(UTC))
        with one_list_at_a_time(home) if write else nullcontext():
            audience = addressees(home, snapshot, code, contacts=contacts)
            document = counted(snapshot, code, audience, file)
            if not write:
                return document, b""
            log_export(home, document, format_=format_, by="console", key=context.key.name if context.key else None)
            note_list(home, audience.identity, audience.customers)
        with tempfile.TemporaryDirectory() as folder:
            write_audience(audience.rows, target := Path(folder) / "audience", format_)
            return document, target.read_bytes()
    except StaleDayError as error:
        raise Problem(TOO_OLD, str(error)) from None
    except (AudienceError, BatchError, PopulationError, SuppressionError, PressureError, OSError) as error:
        detail = "The snapshot, the contacts or the suppression list cannot be read now, so nobody may be addressed."
        logs.write("audience_failed", level="error", request_id=context.request_id, **logs.fault(error))
        raise Problem(NOT_READY, detail) from None
