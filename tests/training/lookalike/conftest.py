"""A shop's day whose best customers are a seed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.days import made, released, write_customers
from tests.support.models import release_shop, shop_rows


@pytest.fixture(scope="session")
def shop_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a day of three hundred customers, `churn` not about all of them; not to be written to."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("scratch")
    release_shop(home, "propensity", scratch=scratch / "p")
    release_shop(home, "churn", scratch=scratch / "c", polarity="negative", seed=1)
    made(home, released(home, "propensity", "churn"), write_customers(scratch / "customers.parquet"))
    return home


@pytest.fixture
def home(shop_day: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may write to."""
    return shutil.copytree(shop_day, tmp_path / "home")


def frequent(count: int = 40) -> list[str]:
    """Ids of those who buy oftenest."""
    bought = {f"c{at}": row["purchases_90d"] or 0 for at, row in enumerate(shop_rows(300, seed=4))}
    return sorted(bought, key=lambda customer: (-bought[customer], customer))[:count]
