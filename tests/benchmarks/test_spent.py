"""What a training spends is reported by parts that are there."""

from __future__ import annotations

from benchmarks.spent import PARTS, PURPOSES, pointed


def test_every_part_is_there() -> None:
    """A function that has moved would end `make scale` before it has measured anything."""
    addresses = [*PURPOSES.values(), *(address for part in PARTS.values() for address in part)]

    assert [address for address in addresses if not hasattr(*pointed(address))] == []
