"""Places for the state of a stream: a file, or a database of its own in a PostgreSQL of this machine."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Literal

import pytest

from serving.stream_state.state import StatePlace
from tests.support.postgres import Cluster

StateKind = Literal["sqlite", "postgres"]
KINDS: tuple[StateKind, ...] = ("sqlite", "postgres")
_numbers = count(1)


def place_of(kind: StateKind, home: Path, request: pytest.FixtureRequest) -> StatePlace:
    """An empty place of a kind; the fixture `cluster` is asked for only where it is needed."""
    if kind == "sqlite":
        return StatePlace("shop", home / "streams" / "shop.db")
    running: Cluster = request.getfixturevalue("cluster")
    name = f"state{next(_numbers)}"
    running.run(f"CREATE DATABASE {name}")
    return StatePlace("shop", postgres=running.address.replace("/postgres", f"/{name}"))
