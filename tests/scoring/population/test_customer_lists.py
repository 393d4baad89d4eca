"""Lists of a day: the likeliest who agreed, everyone else counted by why not, and the hold-out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from scoring.answers.served_release import Live
from scoring.audiences.addressable import name_contacts
from scoring.audiences.audience import in_holdout
from scoring.audiences.contacts import ContactsFile
from scoring.population.customer_lists import ListQuery, make_list
from scoring.population.customer_pages import ContactsUnreadableError, CustomerQuery
from scoring.population.history import histories
from scoring.population.ranked import open_index
from scoring.privacy import suppression
from tests.support.days import made

HOLDOUT, SALT = 0.25, "spring"


@pytest.fixture
def home(live: dict[str, Live], source: Path, tmp_path: Path) -> Path:
    """A home with a day."""
    made(tmp_path, live, source)
    return tmp_path


def ranked(home: Path) -> list[str]:
    """The ids by rank of `churn`, as pages have them."""
    return [one.customer_id for one in open_index(home).page(CustomerQuery(use_case="churn"), limit=400).customers]


def named(home: Path, ids: list[str]) -> dict[str, str]:
    """Contacts of all but every ninth: every third did not agree, every fifth has no address, two share one."""
    rows = [
        {
            "customer_id": one,
            "email": None if place % 5 == 4 else f"{ids[3] if place == 6 else one}@shop.example",
            "agreed": "no" if place % 3 == 2 else "yes",
        }
        for place, one in enumerate(ids)
        if place % 9 != 8
    ]
    pl.DataFrame(rows, {"customer_id": pl.String, "email": pl.String, "agreed": pl.String}).write_csv(home / "c.csv")
    name_contacts(home, ContactsFile(home / "c.csv", "email", "agreed"))
    reasons = {}
    for place, one in enumerate(ids):
        if place % 9 == 8:
            reasons[one] = "no_contact"
        elif place % 3 == 2:
            reasons[one] = "no_consent"
        elif place % 5 == 4:
            reasons[one] = "no_email"
        elif place == 6:
            reasons[one] = "same_email"
    return reasons


def test_top_counts_those_who_may_be_addressed(home: Path) -> None:
    """The hold-out among them; all others above the last are counted, each by the first reason."""
    ids = ranked(home)
    reasons = named(home, ids)
    suppression.add(home, [ids[0]])  # objects: out at once

    listed = make_list(home, open_index(home), ListQuery("churn", top=40), holdout=HOLDOUT, salt=SALT)

    may = [one for one in ids[1:] if one not in reasons][:40]
    held_out = [one for one in may if in_holdout(one, share=HOLDOUT, salt=SALT)]
    expected = Counter(reasons[one] for one in ids[1 : ids.index(may[-1])] if one in reasons)
    assert [one.customer_id for one in listed.customers] == [one for one in may if one not in held_out]
    assert listed.holdout_ids == held_out
    assert len(held_out) > 3
    assert listed.left_out == {**expected, "suppressed": 1, "holdout": len(held_out)}
    assert listed.members == 40 + sum(expected.values()) + 1


def test_who_has_the_address_of_an_objector_is_suppressed_too(home: Path) -> None:
    """The fourth shares one with the seventh."""
    ids = ranked(home)
    named(home, ids)
    suppression.add(home, [ids[3]])

    listed = make_list(home, open_index(home), ListQuery("churn", top=30))

    assert not {ids[3], ids[6]} & {one.customer_id for one in listed.customers}
    assert listed.left_out["suppressed"] == 2


def test_a_threshold_and_a_segment_hold_together(home: Path) -> None:
    """Everyone of both, without contacts."""
    shown = open_index(home).page(CustomerQuery(use_case="churn", segment="at_risk"), limit=400).customers
    threshold = shown[len(shown) // 2].scores["churn"].probability

    listed = make_list(home, open_index(home), ListQuery("churn", threshold=threshold, segment="at_risk"))

    assert threshold is not None
    assert listed.customers == [one for one in shown if (one.scores["churn"].probability or 0) >= threshold]
    assert listed.contacts is None


def test_contacts_that_cannot_be_read_stop_a_list(home: Path) -> None:
    """Nobody is addressed by what cannot be checked."""
    named(home, ranked(home))
    (home / "c.csv").unlink()

    with pytest.raises(ContactsUnreadableError):
        make_list(home, open_index(home), ListQuery("churn", top=3))


def test_a_look_up_says_what_is_known_of_consent(home: Path) -> None:
    """Each customer's own, and unknown where there is no contact."""
    ids = ranked(home)
    named(home, ids)

    found = histories(home, [ids[0], ids[2], ids[8], "stranger"])

    assert [one.consent and one.consent.status for one in found] == ["granted", "none", "unknown", None]
