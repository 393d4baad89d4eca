"""A shop's two models on a release store, shared by the tests of scoring."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.answers.served_release import Live
from scoring.releases.store import load_release
from tests.support.models import release_shop


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with releases of `churn` and `propensity`; read only."""
    folder = tmp_path_factory.mktemp("home")
    release_shop(folder, "propensity", scratch=tmp_path_factory.mktemp("bundles"))
    release_shop(folder, "churn", scratch=tmp_path_factory.mktemp("bundles"), polarity="negative", seed=1)
    return folder


@pytest.fixture(scope="session")
def live(home: Path) -> dict[str, Live]:
    """Both releases, loaded."""
    return {name: Live(load_release(home, name)) for name in ("churn", "propensity")}
