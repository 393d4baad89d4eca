"""One real server for all tests: BentoML in a process of its own, over a socket, on the shop's two small models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.models import release_shop, shop_rows
from tests.support.servers import Server, start, stop


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with releases of `churn` and `propensity`; read only."""
    folder = tmp_path_factory.mktemp("home")
    release_shop(folder, "propensity", scratch=tmp_path_factory.mktemp("bundles"))
    release_shop(folder, "churn", scratch=tmp_path_factory.mktemp("bundles"), polarity="negative", seed=1)
    return folder


@pytest.fixture(scope="session")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server with its usual settings."""
    running = start(home, tmp_path_factory.mktemp("server"), {"PENCHANT_DRAIN_SECONDS": "0.1"})
    yield running
    stop(running)


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of the server."""
    with server.client() as opened:
        yield opened


@pytest.fixture(scope="session")
def profile() -> dict[str, object]:
    """A customer with every feature known."""
    row = next(row for row in shop_rows(50, seed=5) if None not in row.values())
    return {"customer_id": "c1", "features": row}
