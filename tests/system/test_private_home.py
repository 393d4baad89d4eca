"""A home is its owner's alone, whatever the umask: trained, loaded, with objectors and keys."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from serving.auth.api_keys import main as keys
from serving.cli.load import main as load
from serving.cli.suppress import main as suppress
from training.__main__ import main as training

USE_CASE = """
name = "shop"
polarity = "positive"
candidate = "logit"
[table]
path = "shop.parquet"
label = "bought"
positive = 1
customer_id = "who"
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A ready table of 600 customers, the features of some, and a list of objectors."""
    random = np.random.default_rng(5)
    spent = random.normal(size=600)
    bought = (random.random(600) < 1 / (1 + np.exp(-2 * spent))).astype(int)
    who = [f"c{at}" for at in range(600)]
    pl.DataFrame({"who": who, "spent": spent, "bought": bought}).write_parquet(tmp_path / "shop.parquet")
    pl.DataFrame({"customer_id": who[:5], "spent": spent[:5]}).write_parquet(tmp_path / "known.parquet")
    (tmp_path / "objectors.txt").write_text("c7\nc8\n")
    (tmp_path / "shop.toml").write_text(USE_CASE)
    return tmp_path


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_what_lies_in_a_home_is_its_owners_alone(world: Path, umask: int) -> None:
    """Files are 0600 and folders 0700, MLflow's copies of code and artifacts among them; the umask is as it was."""
    home = world / "home"
    before = os.umask(umask)
    try:
        assert training([str(world / "shop.toml"), "--home", str(home)]) == 0
        assert os.umask(umask) == umask
        assert load([str(world / "known.parquet"), "--home", str(home)]) == 0
        assert suppress(["add", str(world / "objectors.txt"), "--home", str(home)]) == 0
        assert keys(["add", "crm", "--home", str(home)]) == 0
    finally:
        os.umask(before)

    found = [home, *home.rglob("*")]
    assert {"mlflow.db", "MLmodel", "manifest.json", "CURRENT", "store.db", "keys.json"} <= {one.name for one in found}
    wide = [one.name for one in found if stat.S_IMODE(one.stat().st_mode) & 0o077]
    assert wide == []
