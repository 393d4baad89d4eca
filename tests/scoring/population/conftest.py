"""Two releases, and the customers of a day."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.answers.served_release import Live
from tests.support.days import released, write_customers
from tests.support.models import release_shop


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Live]:
    """Two releases."""
    home, scratch = tmp_path_factory.mktemp("releases"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "propensity", scratch=scratch)
    release_shop(home, "churn", scratch=scratch, polarity="negative", seed=1)
    return released(home, "churn", "propensity")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three hundred customers; churn is not about some of them."""
    return write_customers(tmp_path / "customers.parquet")
