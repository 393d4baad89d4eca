"""Only what we added is removed: members that others put into a list stay there, whatever becomes of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from activation.deliveries import deliver
from activation.deliveries.delivery_plan import DeliveryRefusedError
from scoring.privacy import suppression
from tests.support.deliveries import address, hot, world
from tests.support.fakes.base import serving
from tests.support.vendors import VENDORS, Vendor

KINDS = pytest.mark.parametrize("vendor", VENDORS, ids=lambda one: one.kind)
LISTS = pytest.mark.parametrize("vendor", VENDORS[1:], ids=lambda one: one.kind)
THEIRS = {"guest@elsewhere.org", "friend@elsewhere.org"}  # of nobody whom the home knows


@KINDS
def test_members_of_others_stay_through_all_that_becomes_of_ours(vendor: Vendor, tmp_path: Path) -> None:
    """Sync, withdrawal, erasure, a shrink that is refused and one that is let pass, a ledger that is lost."""
    made = world(tmp_path)
    with serving(fake := vendor.fake(made.people)) as url:
        file = made.file(vendor.section(url))
        for one in THEIRS:
            fake.put_in(one)
        deliver.sync(made.delivery(file))
        assert fake.members().keys() == hot(made) | THEIRS

        made.unwilling = {"c1"}
        suppression.mark_erased(made.home, ["c2"], at=2e9)
        made.write()
        deliver.sync(made.delivery(file))
        assert fake.members().keys() == hot(made, but={"c1", "c2"}) | THEIRS

        made.segments = dict.fromkeys(made.people[4:], "cold")
        made.write()
        with pytest.raises(DeliveryRefusedError):
            deliver.sync(made.delivery(file))
        assert fake.members().keys() >= THEIRS
        deliver.sync(made.delivery(file), allow_shrink="dest")
        assert fake.members().keys() == {address("c0"), address("c3")} | THEIRS

        for left in (made.home / "deliveries").glob("dest.db*"):
            left.unlink()
        made.segments, made.people = {}, [*made.people, "c50"]
        made.write()
        deliver.sync(made.delivery(file))
        made.unwilling = {"c1", *made.people[3:]}
        made.write()
        deliver.sync(made.delivery(file), allow_shrink="dest")
        assert fake.members().keys() == {address("c0")} | THEIRS
        assert fake.broken == []


@LISTS
def test_whoever_was_there_before_us_stays_when_they_leave_the_audience(vendor: Vendor, tmp_path: Path) -> None:
    """But not once they object: that is removed whoever added it. Also after a sync that was stopped half way."""
    made = world(tmp_path)
    with serving(fake := vendor.fake(made.people)) as url:
        file = made.file(vendor.section(url))
        for one in ("c1", "c2"):
            fake.put_in(address(one))
        fake.faults.extend([None] * 3 + ["lost"] * 7)
        while deliver.sync(made.delivery(file)).status != "done":
            pass
        fake.faults.clear()
        made.segments = {"c1": "cold", "c2": "cold", "c3": "cold"}
        made.write()
        second = deliver.sync(made.delivery(file))

        assert fake.members().keys() == hot(made) | {address("c1"), address("c2")}
        assert second.removes == 1

        made.segments = {}
        made.write()
        deliver.sync(made.delivery(file))
        suppression.add(made.home, ["c1"])
        made.segments = {"c2": "cold"}
        made.write()
        deliver.sync(made.delivery(file))

        assert fake.members().keys() == hot(made, but={"c1"}) | {address("c2")}


@LISTS
def test_a_list_edited_by_hand_keeps_what_others_added(vendor: Vendor, tmp_path: Path) -> None:
    """Who was taken out there is added again and is ours then; who was put in there is not."""
    made = world(tmp_path)
    with serving(fake := vendor.fake(made.people)) as url:
        file = made.file(vendor.section(url))
        made.segments = {"c8": "cold"}
        made.write()
        deliver.sync(made.delivery(file))
        fake.take_out(address("c5"))
        fake.put_in(address("c8"))
        fake.put_in("guest@elsewhere.org")
        made.segments = {}
        made.write()
        deliver.sync(made.delivery(file))
        made.segments = {"c5": "cold", "c8": "cold"}
        made.write()
        deliver.sync(made.delivery(file))

        assert fake.members().keys() == hot(made) | {address("c8"), "guest@elsewhere.org"}


def test_other_files_of_a_folder_stay(tmp_path: Path) -> None:
    """The file of the audience is ours alone, and nothing beside it is."""
    made = world(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/theirs.csv").write_text("email\nguest@elsewhere.org\n")
    file = made.file('kind = "file"\nurl = "out"')

    deliver.sync(made.delivery(file))
    made.unwilling = set(made.people[1:])
    made.write()
    deliver.sync(made.delivery(file), allow_shrink="dest")

    assert (tmp_path / "out/theirs.csv").read_text() == "email\nguest@elsewhere.org\n"
    assert (tmp_path / "out/dest.csv").read_text().count("@") == 1
