"""The history of contacts: the same list once, nobody named, forgotten after a while and at an erasure."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scoring.audiences.pressure.contact_history import (
    FILE,
    ListIdentity,
    contact_counts,
    contacts_of_customers,
    forget_contacts,
    forget_hashes,
    record_contacts,
)
from tests.support.stored import traces

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WHO = ["alpha-1", "beta-2"]


def listed(what: str) -> ListIdentity:
    """A list of a use case."""
    return ListIdentity("2026-03-01", what, {"top": 2})


def test_a_list_made_again_is_one_contact(tmp_path: Path) -> None:
    """It does not count against itself either; another one does."""
    for _ in range(2):
        record_contacts(tmp_path, listed("churn"), WHO, at=NOW)
    record_contacts(tmp_path, listed("sales"), WHO[:1], at=NOW + timedelta(days=1))

    since = NOW - timedelta(days=7)
    assert sorted(contact_counts(tmp_path, since, but=None).values()) == [1, 2]
    assert sorted(contact_counts(tmp_path, since, but=listed("sales")).values()) == [1, 1]
    assert list(contact_counts(tmp_path, NOW, but=None).values()) == [1]
    found = contacts_of_customers(tmp_path, [*WHO, "stranger"])
    assert {who: [one.what for one in lists] for who, lists in found.items()} == {
        WHO[0]: ["churn", "sales"],
        WHO[1]: ["churn"],
    }


def test_the_file_names_nobody_and_is_its_owners(tmp_path: Path) -> None:
    """Keyed hashes alone."""
    record_contacts(tmp_path, listed("churn"), WHO, at=NOW)

    assert traces(tmp_path, *WHO) == set()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_contacts_are_forgotten(tmp_path: Path) -> None:
    """Those of the erased, and those from before a moment."""
    record_contacts(tmp_path, listed("old"), WHO, at=NOW - timedelta(days=91))
    record_contacts(tmp_path, listed("churn"), WHO, at=NOW)
    forget_contacts(tmp_path, WHO[:1])

    assert list(contacts_of_customers(tmp_path, WHO)) == WHO[1:]
    assert forget_hashes(tmp_path, [], before=NOW) == 1
    assert [one.what for one in contacts_of_customers(tmp_path, WHO)[WHO[1]]] == ["churn"]
    assert forget_hashes(tmp_path, [], before=NOW + timedelta(days=1)) == 1
    assert contacts_of_customers(tmp_path, WHO) == {}
