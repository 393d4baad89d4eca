"""Lists of a day: the likeliest who agreed, everyone else counted by why not, and the hold-out."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from scoring.answers.served_release import Live
from scoring.audiences.addressable import name_contacts
from scoring.audiences.audience import in_holdout
from scoring.audiences.contacts import ContactsFile
from scoring.audiences.pressure.contact_history import FILE, ListIdentity
from scoring.audiences.pressure.pressure_rules import PressureError
from scoring.audiences.pressure.restraint import CONTROL_FILE, control_salt, note_list
from scoring.population.customer_lists import CustomerList, ListQuery, choose_ranked, make_list
from scoring.population.customer_pages import ContactsUnreadableError, CustomerQuery
from scoring.population.history import histories
from scoring.population.ranked import open_index
from scoring.privacy import suppression
from tests.support.days import made, write_customers

HOLDOUT, SALT = 0.25, "spring"


@pytest.fixture(scope="module")
def day_made(live: dict[str, Live], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a day; only to be read."""
    home = tmp_path_factory.mktemp("home")
    made(home, live, write_customers(tmp_path_factory.mktemp("source") / "customers.parquet"))
    return home


@pytest.fixture
def home(day_made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(day_made, tmp_path, dirs_exist_ok=True)


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


def left(home: Path, query: ListQuery) -> CustomerList:
    """A list that left."""
    made_list = make_list(home, open_index(home), query)
    note_list(home, made_list.identity, [one.customer_id for one in made_list.customers])
    return made_list


def test_who_was_on_enough_lists_is_left_out_and_counted(home: Path) -> None:
    """By the tightest of several limits; the same list again is the same list."""
    (home / "run.toml").write_text('[pressure]\nmax = ["2 per 7d", "3 per 30d"]\n')
    ids = ranked(home)

    lists = [left(home, ListQuery("churn", top=top)) for top in (20, 21, 22)]
    again = left(home, ListQuery("churn", top=21))

    assert [one.left_out for one in lists] == [{}, {}, {"pressure": 20}]
    assert [one.customer_id for one in lists[2].customers] == ids[20:42]
    assert again.customers == lists[1].customers


def test_the_control_group_is_on_no_list_ever(home: Path) -> None:
    """The same customers of every list and of a larger share; its salt is drawn once."""
    (home / "run.toml").write_text("[pressure]\ncontrol = 0.2\n")
    ids = ranked(home)
    first = left(home, ListQuery("churn", top=40))
    (home / "run.toml").write_text("[pressure]\ncontrol = 0.3\n")
    second = left(home, ListQuery("churn", threshold=1e-9))

    salt = control_salt(home)
    control = {one for one in ids if in_holdout(one, share=0.2, salt=salt)}
    assert control
    for made_list in (first, second):
        assert control.isdisjoint(one.customer_id for one in made_list.customers)
    assert first.left_out == {
        "control": sum(one in control for one in ids[: ids.index(first.customers[-1].customer_id)])
    }
    assert second.left_out["control"] == sum(in_holdout(one, share=0.3, salt=salt) for one in ids)
    (home / CONTROL_FILE).write_text("{}")
    with pytest.raises(PressureError, match="salt of the control group"):
        left(home, ListQuery("churn", top=3))


def test_a_list_that_goes_first_has_its_customers_left_to_it(home: Path) -> None:
    """Whoever may be contacted once more; of two contacts one is free, and the first list itself leaves nobody out."""
    order = '[[pressure.first]]\nuse_case = "churn"\ntop = 30\n[[pressure.first]]\nsegment = "at_risk"\n'
    (home / "run.toml").write_text(f'[pressure]\nmax = "1 per 7d"\n{order}')
    others = make_list(home, open_index(home), ListQuery("propensity", threshold=1e-9))
    (home / "run.toml").write_text(f'[pressure]\nmax = "3 per 7d"\n{order}')
    roomy = make_list(home, open_index(home), ListQuery("propensity", threshold=1e-9))
    (home / "run.toml").write_text(f'[pressure]\nmax = "1 per 7d"\n{order}')
    first = left(home, ListQuery("churn", top=30))
    second = left(home, ListQuery("churn", threshold=1e-9, segment="at_risk"))

    top = set(ranked(home)[:30])
    assert top.isdisjoint(one.customer_id for one in others.customers)
    assert others.left_out["priority"] >= 30
    assert roomy.left_out == {}
    assert ({one.customer_id for one in first.customers}, first.left_out) == (top, {})
    assert second.left_out["pressure"] == sum(one in top for one in ranked_in(home, "at_risk"))


def ranked_in(home: Path, segment: str) -> list[str]:
    """The ids of a segment by rank of `churn`."""
    query = CustomerQuery(use_case="churn", segment=segment)
    return [one.customer_id for one in open_index(home).page(query, limit=400).customers]


def test_a_damaged_history_stops_a_list(home: Path) -> None:
    """Nobody is contacted while nobody knows how often."""
    (home / "run.toml").write_text('[pressure]\nmax = "2 per 7d"\n')
    (home / FILE).write_bytes(b"no database, though it is where one must be" * 100)

    with pytest.raises(PressureError, match="contact history"):
        make_list(home, open_index(home), ListQuery("churn", top=3))


def test_customers_ranked_elsewhere_are_chosen_as_those_of_the_day(home: Path) -> None:
    """Consent, objections, hold-out and lists that go first: by the day's own order it is the same list."""
    ids = ranked(home)
    named(home, ids)
    suppression.add(home, [ids[3]])
    (home / "run.toml").write_text('[pressure]\nmax = "1 per 7d"\n[[pressure.first]]\nsegment = "at_risk"\n')
    listed = make_list(home, open_index(home), ListQuery("churn", top=30), holdout=HOLDOUT, salt=SALT)

    identity = ListIdentity("2026-03-01", "lookalike", {})
    choice = choose_ranked(home, ids, identity, size=30, holdout=HOLDOUT, salt=SALT)

    assert [ids[at] for at in choice.chosen] == [one.customer_id for one in listed.customers]
    assert [ids[at] for at in choice.holdout] == listed.holdout_ids
    assert choice.left_out == listed.left_out
    assert choice.left_out["priority"] > 0
