"""A sync against each vendor's stand-in: the remote ends equal to desired, whatever happens under way."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from activation.deliveries import deliver
from activation.deliveries.deliver import Delivery
from tests.support.deliveries import DeliveryWorld, QuickClock, address, hot, world
from tests.support.fakes.base import FakeVendor, Fault, serving
from tests.support.killed_syncs import in_small_batches
from tests.support.vendors import VENDORS, Vendor

RUNS = int(os.environ.get("PENCHANT_DELIVERIES", "1"))  # of each kind of fault; `make deliveries` takes 20
COUNT = 24


ALL = pytest.mark.parametrize("vendor", VENDORS, ids=lambda one: one.kind)


@contextmanager
def begun(vendor: Vendor, folder: Path, count: int = COUNT) -> Iterator[tuple[DeliveryWorld, FakeVendor, Path]]:
    """A world, the vendor's stand-in, and the file of the destination."""
    made = world(folder, count)
    with serving(fake := vendor.fake(made.people)) as url:
        yield made, fake, made.file(vendor.section(url))


def synced(made: DeliveryWorld, file: Path, clock: QuickClock | None = None) -> Delivery:
    """Syncs until it is done; a stop is gone on from."""
    delivery = in_small_batches(made.delivery(file, clock))
    for _ in range(50):
        if deliver.sync(delivery).status == "done":
            return delivery
    raise AssertionError("It never ended.")


@ALL
def test_the_remote_becomes_what_is_desired_and_stays_so(vendor: Vendor, tmp_path: Path) -> None:
    """Adds, then updates and removals, of which a withdrawn consent goes first; then nothing is left to send."""
    with begun(vendor, tmp_path) as (made, fake, file):
        first = deliver.sync(made.delivery(file))
        assert (first.adds, first.acknowledged, first.status) == (COUNT, COUNT, "done")
        assert fake.members().keys() == hot(made)

        made.unwilling, made.segments = {"c3"}, {"c4": "cold"}
        made.scores = {"c5": 99.5}
        made.write()
        before = len(fake.requests)
        planned = deliver.plan(made.delivery(file))
        second = deliver.sync(made.delivery(file))

        assert (planned.adds, planned.updates, planned.removes) == (0, 1, 2)
        assert (second.updates, second.removes, second.acknowledged) == (1, 2, 3)
        assert planned.calls <= second.calls
        assert fake.members().keys() == hot(made, but={"c3"})
        assert "99.5" in str(fake.members()[address("c5")])
        written = [path + str(body) for _, path, body in fake.requests[before:] if body is not None]
        removal = next(place for place, body in enumerate(written) if "emove" in body or "inactive" in body)
        assert all("99.5" not in body for body in written[:removal])

        third = deliver.sync(made.delivery(file))
        assert (third.adds, third.updates, third.removes, third.acknowledged) == (0, 0, 0, 0)
        assert fake.broken == []


@ALL
def test_an_unsubscribe_is_on_no_list_any_more(vendor: Vendor, tmp_path: Path) -> None:
    """It comes back before the next plan, and the member is removed."""
    with begun(vendor, tmp_path, 12) as (made, fake, file):
        synced(made, file)
        fake.unsubscribe(address("c7"))

        report = deliver.sync(made.delivery(file))

        assert (report.stops, report.removes, report.left_out["suppressed"]) == (1, 1, 1)
        assert fake.members().keys() == hot(made, but={"c7"})
        assert deliver.pull(made.delivery(file)).stops == 0


@ALL
def test_where_the_pull_fails_nothing_is_sent(vendor: Vendor, tmp_path: Path) -> None:
    """Who unsubscribed meanwhile is not known."""
    with begun(vendor, tmp_path, 12) as (made, fake, file):
        fake.faults.extend([(500, {})] * 6)

        report = deliver.sync(made.delivery(file))

        assert report.status == "stopped"
        assert fake.members() == {}
        assert len(fake.requests) == 6


@ALL
def test_a_bad_row_stands_alone_with_its_reason(vendor: Vendor, tmp_path: Path) -> None:
    """The others arrive; the reason names nobody; the row is tried again by the next sync."""
    with begun(vendor, tmp_path, 40) as (made, fake, file):
        fake.bad = {address("c9")}  # type: ignore[attr-defined]

        first = deliver.sync(made.delivery(file))
        fake.bad = set()  # type: ignore[attr-defined]
        second = deliver.sync(made.delivery(file))

        assert [one.rows for one in first.rejected] == [1]
        assert "@" not in first.rejected[0].reason
        assert (first.acknowledged, second.adds, second.acknowledged) == (39, 1, 1)
        assert fake.members().keys() == hot(made)


@ALL
@pytest.mark.parametrize("run", range(RUNS))
def test_storms_lost_and_half_answers_double_nothing(vendor: Vendor, tmp_path: Path, run: int) -> None:
    """429 and 503 are waited for, what was accepted without an answer is not there twice."""
    draw = random.Random(run)
    faults: list[Fault | None] = [
        (429, {"retry-after": "7"}),
        (429, {"x-sib-ratelimit-reset": "3"}),
        (503, {"retry-after": "Fri, 01 May 2026 12:00:20 GMT"}),
        (500, {}),
        "lost",
        "half",
        "drop",
        None,
        None,
        None,
    ]
    with begun(vendor, tmp_path) as (made, fake, file):
        fake.faults.extend(draw.choice(faults) for _ in range(60))
        synced(made, file)
        made.unwilling, made.segments = {"c3", "c10"}, {"c4": "cold"}
        made.write()
        fake.faults.extend(draw.choice(faults) for _ in range(30))
        synced(made, file)

        assert fake.members().keys() == hot(made, but=made.unwilling)
        assert len(fake.members()) == COUNT - 3
        assert fake.broken == []


@pytest.mark.parametrize("vendor", VENDORS[1:], ids=lambda one: one.kind)
def test_a_list_edited_by_hand_becomes_what_is_desired(vendor: Vendor, tmp_path: Path) -> None:
    """Who was taken out there is added again."""
    with begun(vendor, tmp_path, 30) as (made, fake, file):
        synced(made, file)
        for one in ("c2", "c11"):
            fake.take_out(address(one))

        report = deliver.sync(made.delivery(file))

        assert report.adds == 2
        assert fake.members().keys() == hot(made)


@ALL
def test_it_waits_at_least_as_long_as_it_is_asked(vendor: Vendor, tmp_path: Path) -> None:
    """Both forms of Retry-After, and a vendor's header; beyond its patience it stops, and can be resumed."""
    clock = QuickClock()
    with begun(vendor, tmp_path, 12) as (made, fake, file):
        fake.faults.extend(
            [
                (429, {"retry-after": "11"}),
                (503, {"retry-after": "Fri, 01 May 2026 12:01:00 GMT"}),
                (429, {"x-sib-ratelimit-reset": "17"}),
            ]
        )
        synced(made, file, clock)
        assert [round(one) for one in clock.waits[:3]] == [11, 49, 17]

        fake.faults.append((429, {"retry-after": "4000"}))
        made.segments = {"c1": "cold"}
        made.write()
        stopped = deliver.sync(made.delivery(file, clock))

        assert stopped.status == "stopped"
        assert deliver.sync(made.delivery(file, clock)).removes == 1
