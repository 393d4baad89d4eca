"""A shop's two models in a home, for the Python door."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.models import release_shop


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with releases of `churn` and `propensity`; read only."""
    folder = tmp_path_factory.mktemp("home")
    release_shop(folder, "propensity", scratch=tmp_path_factory.mktemp("bundles"))
    release_shop(folder, "churn", scratch=tmp_path_factory.mktemp("bundles"), polarity="negative", seed=1)
    return folder
