"""The kinds of destination, each with what stands in for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.support.deliveries import address
from tests.support.fakes.base import FakeVendor
from tests.support.fakes.brevo import FakeBrevo
from tests.support.fakes.hubspot import FakeHubspot
from tests.support.fakes.mailchimp import FakeMailchimp
from tests.support.fakes.receiver import FakeReceiver


@dataclass(frozen=True, slots=True)
class Vendor:
    """A kind of destination, with what stands in for it."""

    kind: str
    fake: Callable[[Sequence[str]], FakeVendor]
    more: str = ""

    def section(self, url: str) -> str:
        """What stands in [destination]."""
        return f'kind = "{self.kind}"\nkey_env = "DEST_KEY"\nurl = "{url}"\n{self.more.replace("URL", url)}'


VENDORS = [
    Vendor("webhook", lambda _: FakeReceiver(), 'back = "URL/stops"'),
    Vendor("mailchimp", lambda people: FakeMailchimp([address(one) for one in people]), 'list = "L1"'),
    Vendor("hubspot", lambda _: FakeHubspot(), 'list = "9"\nevent = "pe1_segment_changed"'),
    Vendor("brevo", lambda _: FakeBrevo(), 'list = "4"'),
]
