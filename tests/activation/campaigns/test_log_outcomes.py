"""Outcomes by the log: within the window alone, refunds subtracted, known no further than the log goes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from activation.campaigns.log_outcomes import log_outcomes
from features.errors import DataError
from scoring.audiences.addressable import name_contacts
from scoring.audiences.contacts import ContactsFile
from tests.support.campaigns import planned, shop


def test_only_what_lies_within_the_window_counts(tmp_path: Path) -> None:
    """From after its making to its last moment; other events do not."""
    use_case = shop(
        tmp_path,
        "t0,2026-03-02 00:00:00,purchase,10",
        "t1,2026-03-02 00:00:01,purchase,10",
        "t1,2026-04-02 00:00:01,Purchase,5",
        "t2,2026-05-31 00:00:00,purchase,7",
        "t3,2026-05-31 00:00:01,purchase,7",
        "h0,2026-04-01 00:00:00,visit,",
        "h1,2026-07-01 00:00:00,visit,",
    )
    found = log_outcomes(tmp_path, planned(tmp_path, treated=4, held_out=2), use_case)

    assert found.rows.select("customer_id", "answered", "value").rows() == [("t1", True, 15.0), ("t2", True, 7.0)]
    assert found.known_to == datetime(2026, 5, 31, tzinfo=UTC)


def test_outcomes_are_known_no_further_than_the_log_goes(tmp_path: Path) -> None:
    """So that a log that ends early is a look that comes early."""
    use_case = shop(tmp_path, "t1,2026-03-05 12:00:00,purchase,10")

    assert log_outcomes(tmp_path, planned(tmp_path), use_case).known_to == datetime(2026, 3, 5, 12, tzinfo=UTC)


def test_a_log_from_before_the_campaign_is_refused(tmp_path: Path) -> None:
    """It knows nothing of it."""
    use_case = shop(tmp_path, "t1,2026-02-01 12:00:00,purchase,10")

    with pytest.raises(DataError, match="got none"):
        log_outcomes(tmp_path, planned(tmp_path), use_case)


def test_a_table_of_consent_says_who_unsubscribed(tmp_path: Path) -> None:
    """Within the window, whether they answered or not; without such a table nobody knows."""
    use_case = shop(tmp_path, "t1,2026-03-05 12:00:00,purchase,10", "o1,2026-07-01 00:00:00,visit,")
    campaign = planned(tmp_path, treated=4, held_out=2)
    header = "customer_id,channel,purpose,granted_at,withdrawn_at,source,text_version"
    withdrawn = {"t0": "2026-04-01", "t1": "2026-03-10", "t2": "2026-02-01", "h0": "2026-06-15", "h1": ""}
    lines = [f"{who},email,marketing,2025-01-01,{at},shop,1" for who, at in withdrawn.items()]
    (tmp_path / "consent.csv").write_text("\n".join([header, *lines]))
    (tmp_path / "contacts.csv").write_text("\n".join(["customer_id,mail", *(f"{who},{who}@x" for who in withdrawn)]))
    unknown = log_outcomes(tmp_path, campaign, use_case)
    name_contacts(tmp_path, ContactsFile(tmp_path / "contacts.csv", "mail", None, tmp_path / "consent.csv"))

    found = log_outcomes(tmp_path, campaign, use_case)

    assert unknown.rows["unsubscribed"].to_list() == [None]
    assert found.rows.select("customer_id", "answered", "unsubscribed").rows() == [
        ("t1", True, True),
        ("t0", False, True),
    ]
