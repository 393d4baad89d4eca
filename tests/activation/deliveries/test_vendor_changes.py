"""Changes of segment at vendors: an event for each that lasts, once each, of the audience alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activation.deliveries import deliver
from features.errors import UseCaseError
from scoring.audiences.deliveries.handovers import handovers_of
from scoring.privacy import suppression
from scoring.segments.assignment import install_policy
from scoring.segments.policy_file import read_policy
from tests.activation.deliveries.test_delivery_rules import POLICY
from tests.support.deliveries import DAY, DeliveryWorld, world
from tests.support.fakes.base import Fault, serving
from tests.support.vendors import VENDORS, Vendor

LISTS = pytest.mark.parametrize("vendor", VENDORS[1:], ids=lambda one: one.kind)


@contextmanager
def begun(vendor: Vendor, folder: Path) -> Iterator[tuple[DeliveryWorld, Any, Path]]:
    """A world with a minimum stay of a week, in which c9 to c11 are no members."""
    made = world(folder)
    install_policy(made.home, read_policy(POLICY, {"churn": ()}), POLICY)
    made.segments = {"c9": "cold", "c10": "cold", "c11": "cold"}
    made.write()
    with serving(fake := vendor.fake(made.people)) as url:
        file = made.file(vendor.section(url), audience='segment = "hot"\nchanges = true')
        deliver.sync(made.delivery(file))
        yield made, fake, file
        assert fake.broken == []


def later(made: DeliveryWorld, file: Path, days: int, segments: dict[str, str]) -> int:
    """A sync of another day; how many changes it sent."""
    made.day, made.segments = DAY + timedelta(days=days), segments
    made.write()
    while (report := deliver.sync(made.delivery(file), allow_shrink="dest")).status != "done":
        pass
    return report.changes


def ends(fake: Any) -> list[tuple[str, str | None, str | None]]:
    """The changes that a vendor heard of."""
    return sorted((one["id"], one.get("from"), one.get("to")) for one in fake.events())


@LISTS
def test_entry_and_exit_go_out_once_each_and_only_where_they_last(vendor: Vendor, tmp_path: Path) -> None:
    """Of whom the vendor never had nothing goes out; after the exit was told nothing more does."""
    with begun(vendor, tmp_path) as (made, fake, file):
        apart = {"c10": "cold", "c11": "cold"}
        later(made, file, 2, apart)  # c9 came in, too soon
        later(made, file, 8, {**apart, "c1": "cold"})  # c1 is out after a week
        later(made, file, 9, {**apart, "c2": "cold"})  # c1 is back, too soon
        later(made, file, 10, {**apart, "c2": "cold", "c10": "warm"})
        later(made, file, 20, {"c9": "hot", "c2": "warm", "c10": "warm", "c11": "cold"})

        assert ends(fake) == [
            ("c1-1", "hot", "cold"),
            ("c1-2", "cold", "hot"),
            ("c2-1", "hot", "cold"),
            ("c9-1", "cold", "hot"),
        ]
        heard = {one["id"]: one for one in fake.events()}
        assert heard["c9-1"]["why"] == "Bought 9 days ago"
        assert json.loads(heard["c9-1"]["versions"]) == {"churn": "1", "policy": "p1"}
        assert "change" in {one.kind for one in handovers_of(made.home, ["c9"])["c9"]}


@LISTS
@pytest.mark.parametrize(
    "fault", ["lost", "drop", (500, {}), (429, {"retry-after": "3"})], ids=["lost", "drop", "500", "429"]
)
def test_a_change_whose_answer_is_lost_is_there_once(vendor: Vendor, tmp_path: Path, fault: Fault) -> None:
    """Whether it arrived is asked for before it is sent again."""
    with begun(vendor, tmp_path) as (made, fake, file):
        fake.event_faults.extend([fault] * 3)
        later(made, file, 8, {"c1": "cold", "c2": "cold", **made.segments})

        assert [one for one, *_ in ends(fake)] == ["c1-1", "c2-1"]


@LISTS
def test_a_change_that_a_killed_sync_left_is_not_doubled(vendor: Vendor, tmp_path: Path) -> None:
    """It may have arrived: it is looked for."""
    with begun(vendor, tmp_path) as (made, fake, file):
        later(made, file, 8, {"c1": "cold", **made.segments})
        delivery = made.delivery(file)
        with delivery.segment_ledger.writing() as connection:  # as if it had ended before the answer
            who = connection.execute("SELECT who FROM stand WHERE n = 1").fetchone()[0]
            since = (DAY + timedelta(days=8)).isoformat()
            connection.execute("INSERT INTO event VALUES (?, 'hot', 'cold', ?, 1)", (who, since))
            connection.execute("INSERT INTO unsure VALUES (?)", (who,))
        deliver.sync(made.delivery(file))

        assert [one for one, *_ in ends(fake)] == ["c1-1"]


@LISTS
def test_an_objector_is_not_told_of(vendor: Vendor, tmp_path: Path) -> None:
    """Not even that they went."""
    with begun(vendor, tmp_path) as (made, fake, file):
        suppression.add(made.home, ["c1"])
        later(made, file, 8, {"c1": "cold", **made.segments})

        assert fake.events() == []


def test_hubspots_event_must_be_named(tmp_path: Path) -> None:
    """As HubSpot calls it: with the number of the account."""
    made = world(tmp_path)
    text = 'kind = "hubspot"\nkey_env = "DEST_KEY"\nurl = "http://127.0.0.1:1"\nlist = "9"'

    with pytest.raises(UseCaseError, match=r"destination\.event"):
        made.delivery(made.file(text, audience='segment = "hot"\nchanges = true'))
