"""Whoever arrived without being named can be removed, though nobody knows their address any more."""

from __future__ import annotations

from pathlib import Path

from activation.deliveries import deliver
from scoring.privacy import suppression
from tests.support.deliveries import DeliveryWorld, QuickClock, address, hot, world
from tests.support.fakes.base import serving
from tests.support.fakes.brevo import FakeBrevo
from tests.support.fakes.hubspot import FakeHubspot

HUBSPOT = 'kind = "hubspot"\nkey_env = "DEST_KEY"\nurl = "{}"\nlist = "9"'
BREVO = 'kind = "brevo"\nkey_env = "DEST_KEY"\nurl = "{}"\nlist = "4"'


def forgotten(made: DeliveryWorld, customer: str) -> None:
    """Somebody loses address and consent, and is erased."""
    suppression.mark_erased(made.home, [customer], at=2e9)
    made.without, made.unwilling = {customer}, {customer}
    made.write()


def test_a_record_that_an_answer_left_out_is_looked_up_while_the_address_is_known(tmp_path: Path) -> None:
    """So that the member can be removed by it later."""
    made = world(tmp_path)
    with serving(fake := FakeHubspot()) as url:
        fake.silent = {address("c3")}
        file = made.file(HUBSPOT.format(url))
        first = deliver.sync(made.delivery(file))
        assert (first.acknowledged, first.rejected) == (12, ())
        forgotten(made, "c3")

        deliver.sync(made.delivery(file))

        assert fake.members().keys() == hot(made, but={"c3"})


def test_where_it_cannot_be_looked_up_the_row_is_not_called_acknowledged(tmp_path: Path) -> None:
    """It stays on its way, with the reason, and is removed where it shall not be there any more."""
    made = world(tmp_path)
    with serving(fake := FakeHubspot()) as url:
        fake.silent, fake.unread = {address("c3")}, True
        file = made.file(HUBSPOT.format(url))
        first = deliver.sync(made.delivery(file))
        waiting = made.delivery(file).ledger.pending()

        assert (first.acknowledged, first.rejected[0].reason) == (11, "its record was not named")
        assert [(row.op, row.sent) for row in waiting] == [("upsert", 1)]

        forgotten(made, "c3")
        second = deliver.sync(made.delivery(file))

        assert (second.removes, second.rejected) == (1, ())
        assert made.delivery(file).ledger.pending() == []
        assert fake.members().keys() == hot(made, but={"c3"})


def test_an_import_that_was_stopped_before_it_was_looked_at_can_be_taken_back(tmp_path: Path) -> None:
    """By the hash of the address, which is found on Brevo's own list; nothing of it is kept in the home."""
    made = world(tmp_path)
    with serving(fake := FakeBrevo()) as url:
        file = made.file(BREVO.format(url))
        pulled = 3  # requests before the import
        fake.faults.extend([None] * (pulled + 1) + [(500, {})] * 6)
        assert deliver.sync(made.delivery(file)).status == "stopped"
        assert fake.members().keys() == hot(made)
        forgotten(made, "c3")

        report = deliver.sync(made.delivery(file, QuickClock()), allow_shrink="dest")

        assert (report.removes, report.rejected) == (1, ())
        assert fake.members().keys() == hot(made, but={"c3"})


def test_a_contact_whom_the_list_shows_late_is_removed_all_the_same(tmp_path: Path) -> None:
    """Not seen after the import is not known to be absent."""
    made = world(tmp_path)
    with serving(fake := FakeBrevo()) as url:
        fake.bad = {address("c3")}
        file = made.file(BREVO.format(url))
        first = deliver.sync(made.delivery(file))
        assert [one.rows for one in first.rejected] == [1]
        fake.put_in(address("c3"))  # the import has come to it now
        forgotten(made, "c3")

        deliver.sync(made.delivery(file))

        assert fake.members().keys() == hot(made, but={"c3"})


def test_an_address_that_changed_before_the_answer_came_is_taken_back_under_the_old_one(tmp_path: Path) -> None:
    """The old address is on the list by nobody's hand but ours."""
    made = world(tmp_path)
    with serving(fake := FakeBrevo()) as url:
        file = made.file(BREVO.format(url))
        fake.faults.extend([None] * 4 + [(500, {})] * 6)
        assert deliver.sync(made.delivery(file)).status == "stopped"
        made.addresses = {"c3": "new@example.org"}
        made.write()

        deliver.sync(made.delivery(file), allow_shrink="dest")

        assert fake.members().keys() == hot(made, but={"c3"}) | {"new@example.org"}
