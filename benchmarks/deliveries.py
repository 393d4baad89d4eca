"""100,000 members to the stand-ins of Mailchimp and HubSpot: calls against the vendor's least, and memory.

`python -m benchmarks.deliveries [MEMBERS]`. Memory is the peak of a process that syncs, with a tenth of the members and
with all, less what it takes to plan them: a sync itself must not grow.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from activation.deliveries import deliver
from tests.support.deliveries import address, world
from tests.support.fakes.base import FakeVendor, serving
from tests.support.fakes.hubspot import FakeHubspot
from tests.support.fakes.mailchimp import FakeMailchimp

ALLOWED = 1.02  # of the vendor's least


@dataclass(frozen=True, slots=True)
class Measured:
    """One sync."""

    calls: int
    planned: float  # MiB at the end of a plan
    peak: float  # MiB at the end of the sync


def peak() -> float:
    """MiB that this process took at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(kind: str, listed: str, url: str, folder: Path, count: int) -> Measured:
    """A first sync of so many members, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_sync, (kind, listed, url, folder, count))


def _sync(kind: str, listed: str, url: str, folder: Path, count: int) -> Measured:
    made = world(folder, count)
    file = made.file(f'kind = "{kind}"\nkey_env = "DEST_KEY"\nurl = "{url}"\nlist = "{listed}"')
    deliver.plan(made.delivery(file))
    before = peak()
    report = deliver.sync(made.delivery(file))
    if (report.status, report.acknowledged) != ("done", count):
        raise SystemExit(f"{kind}: {report}")
    return Measured(report.calls, before, peak())


def main(count: int) -> int:
    """Prints a line a vendor; 1 where one takes too many calls."""
    vendors: list[tuple[str, str, Callable[[int], FakeVendor], Callable[[int], int]]] = [
        ("mailchimp", "L1", lambda n: FakeMailchimp([address(f"c{one}") for one in range(n)]), lambda n: ceil(n / 500)),
        ("hubspot", "9", lambda _: FakeHubspot(), lambda n: ceil(n / 100) + 1),
    ]
    bad = False
    for kind, listed, fake, least in vendors:
        found: dict[int, Measured] = {}
        for members in (count // 10, count):
            with tempfile.TemporaryDirectory() as folder, serving(made := fake(members)) as url:
                found[members] = measure(kind, listed, url, Path(folder), members)
                if len(made.members()) != members or made.broken:
                    raise SystemExit(f"{kind}: {len(made.members())} members, {made.broken[:3]}")
        for members, one in found.items():
            share = one.calls / least(members)
            bad |= members == count and share > ALLOWED
            grown = one.peak - one.planned
            print(
                f"{kind:10} {members:8,} members: {one.calls:6,} calls ({share:.3f} of the least), "
                f"{one.peak:6.0f} MiB, {grown:5.0f} more than to plan"
            )
    return int(bad)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
