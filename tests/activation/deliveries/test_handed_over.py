"""What was handed to tools that send is known of each person, and each sync of the destination."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from activation.deliveries import deliver
from activation.deliveries.delivery_plan import DeliveryRefusedError
from monitoring.audit.audit_page import audit_page
from monitoring.audit.audit_record import audit
from penchant.retention.purge import PURGES
from scoring.audiences.export_log import EXPORTS
from scoring.privacy.audit_trail import command_actor
from scoring.privacy.trail_check import checked_trail
from scoring.segments.assignment import SEGMENTS_FOLDER
from serving.customers import subject_rights
from tests.support.deliveries import DeliveryWorld, QuickClock, hot, world
from tests.support.fakes.base import serving
from tests.support.fakes.receiver import FakeReceiver
from tests.support.stored import traces
from tests.support.vendors import VENDORS, Vendor


def handed(made: DeliveryWorld, customer: str) -> list[tuple[str, list[str], str, bool]]:
    """What the home says of a person."""
    lines = subject_rights.export(made.home, [customer])[0].get("deliveries", [])
    return [(one["destination"], one["fields"], one["last_at"], one["removed_at"] is not None) for one in lines]


def test_a_persons_export_names_what_each_destination_was_handed(tmp_path: Path) -> None:
    """When first and last, with which fields, and when it was gone there; of others nothing."""
    made = world(tmp_path)
    clock = QuickClock()
    file = made.file('kind = "file"\nurl = "out"')
    other = made.file('kind = "file"\nurl = "out"', name="other", audience='use_case = "churn"\ntop = 2')
    for one in (file, other):
        deliver.sync(made.delivery(one, clock))
    clock.at = datetime(2026, 5, 2, 12, tzinfo=UTC)
    made.segments = {"c3": "cold"}
    made.write()
    deliver.sync(made.delivery(file, clock))

    fields = ["customer_id", "email", "score", "band", "segment"]
    first, second = "2026-05-01T12:00:00Z", "2026-05-02T12:00:00Z"
    assert handed(made, "c3") == [("dest", fields, first, True)]
    assert handed(made, "c11") == [("dest", fields, second, False), ("other", fields, first, False)]
    assert handed(made, "c50") == []
    assert traces(made.home, "@example.org") == set()


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda one: one.kind)
def test_an_erasure_removes_at_the_destination_and_is_forgotten_once_it_did(vendor: Vendor, tmp_path: Path) -> None:
    """Until then it is known what it still has."""
    made = world(tmp_path)
    with serving(fake := vendor.fake(made.people)) as url:
        file = made.file(vendor.section(url))
        deliver.sync(made.delivery(file))
        subject_rights.erase(made.home, ["c3"])
        between = handed(made, "c3")
        made.without = {"c3"}
        made.write()
        deliver.sync(made.delivery(file))
        subject_rights.erase(made.home, ["c3"])

        assert [(name, gone) for name, _, _, gone in between] == [("dest", False)]
        assert ("customer_id" in between[0][1]) == (vendor.kind == "webhook")
        assert fake.members().keys() == hot(made, but={"c3"})
        assert handed(made, "c3") == []


def test_a_row_that_a_tool_refused_is_not_there(tmp_path: Path) -> None:
    """It was handed over, and is known to be gone."""
    made = world(tmp_path)
    with serving(fake := FakeReceiver()) as url:
        fake.bad = {"c2@example.org"}
        deliver.sync(made.delivery(made.file(f'kind = "webhook"\nkey_env = "DEST_KEY"\nurl = "{url}"')))

        assert [gone for *_, gone in handed(made, "c2")] == [True]


def test_what_was_taken_back_is_kept_as_long_as_lists_are(tmp_path: Path) -> None:
    """What a tool still has is known on."""
    made = world(tmp_path)
    file = made.file('kind = "file"\nurl = "out"')
    deliver.sync(made.delivery(file))
    made.segments = {"c3": "cold"}
    made.write()
    deliver.sync(made.delivery(file))
    purge, after = PURGES["contact_history"], datetime(2026, 6, 1, tzinfo=UTC)

    assert purge.due(made.home, after) >= 1
    purge.remove(made.home, after, command_actor())
    assert purge.due(made.home, after) == 0
    assert (handed(made, "c3"), len(handed(made, "c4"))) == ([], 1)


def test_each_sync_is_a_line_of_the_trail_and_of_the_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Destination, list, versions, counts, who; also one that had nothing to send, and one that was refused."""
    monkeypatch.setenv("PENCHANT_WHO", "Camille")
    made = world(tmp_path)
    file = made.file('kind = "file"\nurl = "out"', name="newsletter")
    deliver.sync(made.delivery(file))
    deliver.sync(made.delivery(file))
    made.unwilling = set(made.people[2:])
    made.write()
    with pytest.raises(DeliveryRefusedError):
        deliver.sync(made.delivery(file))

    trail = checked_trail(made.home)
    ends = [one.action for one in trail.entries if one.action.what == "delivery"]
    stated = {"destination": "newsletter", "kind": "file", "list": "hot", "versions": "churn 1, policy p1"}
    assert trail.faults == []
    assert [one.by.who for one in ends] == ["Camille"] * 3
    assert [one.about["status"] for one in ends] == ["done", "done", "refused"]
    assert ends[0].about.items() >= {**stated, "adds": 12, "acknowledged": 12, "removes": 0, "rejected": 0}.items()
    assert '"destination": "newsletter"' in (made.home / SEGMENTS_FOLDER / EXPORTS).read_text()
    page = audit_page(audit(made.home, date(2020, 1, 1), date(2100, 1, 1)), ("en", "fr"))
    assert "newsletter (file), hot: 12 added" in page
    assert "12\u202fajouts" in page.replace("\u00a0", "\u202f") or "12 ajouts" in page
