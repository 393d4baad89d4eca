"""What a plan refuses, whom it leaves out, and which changes of segment go out."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest

from activation.deliveries import deliver
from activation.deliveries.delivery_plan import DeliveryRefusedError
from activation.deliveries.ledger_table import ledger_table
from scoring.audiences.export_log import read_exports
from scoring.privacy import suppression
from scoring.segments.assignment import install_policy
from scoring.segments.policy_file import read_policy
from tests.support.deliveries import DAY, DeliveryWorld, address, hot, world
from tests.support.fakes.base import serving
from tests.support.fakes.receiver import FakeReceiver
from tests.support.stored import traces

POLICY = """
use_cases = ["churn"]
[[segment]]
code = "hot"
label = { en = "Hot", fr = "Chauds" }
rule = "TRUE"
minimum_stay = "7d"
"""


def test_no_more_is_removed_at_once_than_the_limit_says_unless_by_name(tmp_path: Path) -> None:
    """A broken file of consents empties no list."""
    made = world(tmp_path)
    file = made.file('kind = "file"\nurl = "out"')
    deliver.sync(made.delivery(file))
    made.unwilling = set(made.people[:6])
    made.write()

    planned = deliver.plan(made.delivery(file))
    with pytest.raises(DeliveryRefusedError, match="--allow-shrink dest"):
        deliver.sync(made.delivery(file), allow_shrink="another")
    before = (tmp_path / "out/dest.csv").read_text()
    deliver.sync(made.delivery(file), allow_shrink="dest")

    assert planned.why
    assert before.count("@") == 12
    assert (tmp_path / "out/dest.csv").read_text().count("@") == 6


def test_each_who_is_left_out_is_counted_by_the_reason(tmp_path: Path) -> None:
    """Consent, suppression, erasure, hold-out and address; the counts add up to the members."""
    made = world(tmp_path, 40)
    made.unwilling, made.without = {"c1", "c2"}, {"c3"}
    made.write()
    suppression.add(made.home, ["c4"])
    suppression.mark_erased(made.home, ["c5"], at=2e9)
    file = made.file('kind = "file"\nurl = "out"', audience='segment = "hot"\nholdout = 0.25\nsalt = "may"')

    planned = deliver.plan(made.delivery(file))

    left = planned.left_out
    assert (left["no_consent"], left["suppressed"], left["no_address"]) == (2, 2, 1)
    assert 0 < left["holdout"] < 20
    assert planned.adds + sum(left.values()) == 40
    assert planned.calls == 1


def test_an_objector_leaves_and_the_home_holds_no_address(tmp_path: Path) -> None:
    """Nor a customer's id: the ledger has keyed hashes, the log counts."""
    with serving(fake := FakeReceiver()) as url:
        made = world(tmp_path)
        made.people = [f"c{900000 + one}" for one in range(12)]
        made.write()
        file = made.file(f'kind = "webhook"\nkey_env = "DEST_KEY"\nurl = "{url}"')
        deliver.sync(made.delivery(file))
        gone = made.people[7]
        suppression.add(made.home, [gone])
        suppression.mark_erased(made.home, [gone], at=2e9)
        deliver.sync(made.delivery(file))

        assert fake.members().keys() == hot(made, but={gone})
        assert traces(made.home, "@example.org", "c9000") == set()
        table = ledger_table(made.delivery(file).ledger)
        assert set(table["state"]) == {"acknowledged"}
        assert len(table) == 11
        assert [one.written for one in read_exports(made.home)] == [12, 0]


def test_a_list_of_ids_and_the_best_by_rank_are_audiences_too(tmp_path: Path) -> None:
    """Whoever is not among today's customers is counted."""
    made = world(tmp_path)
    (tmp_path / "ids.csv").write_text("customer_id\nc1\nc2\nnobody\n")
    listed = made.file('kind = "file"\nurl = "out"', name="ids", audience='list = "ids.csv"')
    top = made.file(
        'kind = "file"\nurl = "out"', name="top", audience='use_case = "churn"\ntop = 3\nfields = ["score", "reasons"]'
    )

    first, second = (deliver.sync(made.delivery(one)) for one in (listed, top))

    assert (first.adds, first.left_out["gone"], second.adds) == (2, 1, 3)
    text = (tmp_path / "out/top.csv").read_text()
    assert all(address(one) in text for one in ("c11", "c10", "c9"))
    assert "Bought 11 days ago" in text


def changed(made: DeliveryWorld, day: date, segments: dict[str, str]) -> None:
    """Another day."""
    made.day, made.segments = day, segments
    made.write()


def test_a_change_of_segment_goes_out_once_and_only_where_it_lasts(tmp_path: Path) -> None:
    """Who is back within the minimum stay has not changed; ids count a customer's changes."""
    with serving(fake := FakeReceiver()) as url:
        made = world(tmp_path)
        install_policy(made.home, read_policy(POLICY, {"churn": ()}), POLICY)
        audience = 'segment = "hot"\nchanges = true'
        file = made.file(f'kind = "webhook"\nkey_env = "DEST_KEY"\nurl = "{url}"', audience=audience)
        deliver.sync(made.delivery(file))
        for days, segments in (
            (1, {"c1": "cold"}),  # too soon
            (2, {}),  # and back
            (9, {"c1": "cold", "c2": "cold"}),  # both have been there for a week
            (10, {"c1": "cold"}),  # too soon to be back
            (17, {"c1": "cold"}),
        ):
            changed(made, DAY + timedelta(days=days), segments)
            fake.faults.extend([None, "lost"])  # what was accepted is sent again, and is the same
            deliver.sync(made.delivery(file))
        made.unwilling = {"c1"}
        changed(made, DAY + timedelta(days=30), {})
        deliver.sync(made.delivery(file))

        events = {one["id"]: one for one in fake.events}  # in no order within a batch: their hashes are of a drawn key
        sent = sorted((one["id"], one["from"], one["to"]) for one in fake.events)
        assert sent == [("c1-1", "hot", "cold"), ("c2-1", "hot", "cold"), ("c2-2", "cold", "hot")]
        assert events["c1-1"]["why"] == "Bought 1 days ago"
        assert events["c1-1"]["versions"] == {"churn": "1", "policy": "p1"}


def test_the_ledger_holds_what_was_acknowledged_by_row(tmp_path: Path) -> None:
    """Nothing else is a member."""
    with serving(fake := FakeReceiver()) as url:
        made = world(tmp_path)
        fake.bad = {address("c2")}
        file = made.file(f'kind = "webhook"\nkey_env = "DEST_KEY"\nurl = "{url}"')
        deliver.sync(made.delivery(file))

        connection = sqlite3.connect(made.home / "deliveries/dest.db")
        assert connection.execute("SELECT COUNT(*) FROM member").fetchone() == (11,)
        assert connection.execute("SELECT COUNT(*) FROM rejected").fetchone() == (1,)
        assert connection.execute("SELECT COUNT(*) FROM pending").fetchone() == (0,)
        connection.close()
