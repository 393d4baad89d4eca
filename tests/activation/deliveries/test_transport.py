"""One policy of waiting: calls apart, no sooner than asked, and reasons that name nobody."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from activation.deliveries.transport import Transport, asked_wait, without_names
from tests.support.deliveries import QuickClock
from tests.support.fakes.base import serving
from tests.support.fakes.brevo import FakeBrevo

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_calls_are_as_far_apart_as_the_limit_says() -> None:
    """Sixty a minute are a second apart."""
    clock = QuickClock()
    with serving(FakeBrevo()) as url, Transport(per_minute=60, clock=clock) as transport:
        for _ in range(5):
            transport.ask("GET", f"{url}/v3/smtp/blockedContacts?limit=1&offset=0")

    assert clock.waits == [1.0] * 4


@pytest.mark.parametrize(
    ("headers", "status", "seconds"),
    [
        ({"retry-after": "12"}, 503, 12.0),
        ({"retry-after": "Fri, 01 May 2026 12:00:30 GMT"}, 503, 30.0),
        ({"retry-after": "Fri, 01 May 2026 11:00:00 GMT"}, 503, 0.0),
        ({"retry-after": "2", "x-sib-ratelimit-reset": "40"}, 429, 40.0),
        ({"x-sib-ratelimit-reset": "40"}, 503, None),  # of a quota, that is not why
        ({"x-hubspot-ratelimit-interval-milliseconds": "10000"}, 429, 10.0),
        ({"retry-after": "soon"}, 503, None),
        ({}, 429, None),
    ],
)
def test_the_longest_wait_that_is_asked_for_counts(headers: dict[str, str], status: int, seconds: float | None) -> None:
    """Of all that a server says."""
    assert asked_wait(headers, NOW, status) == seconds


@pytest.mark.parametrize(
    "text", ["ana.b+c@x-y.org is unknown", "Contact <ana@x.org>, +33 6 12 34 56 78", "customer 123456789 is gone"]
)
def test_a_reason_names_nobody(text: str) -> None:
    """No address, no number."""
    found = without_names(text)

    assert "@" not in found
    assert not any(one.isdigit() for one in found)
