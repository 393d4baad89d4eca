"""What a stream begins with: nothing at all where it would count a customer's events apart."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from penchant.streams.history_step import HistoryError, load_missing_history
from tests.support.streamed import ListSource, worker_of
from tests.support.worlds import EXAMPLES


def test_a_use_case_whose_log_joins_ids_is_refused_by_name(examples_home: Path, tmp_path: Path) -> None:
    """Its sentence says what to do; nothing was loaded, and a stream of the other use case begins."""
    home = Path(shutil.copytree(examples_home, tmp_path / "home"))
    log, links = EXAMPLES / "cdnow/transactions.parquet", tmp_path / "links.csv"
    links.write_text("customer_id,same_as\n1,2\n")
    stated = (EXAMPLES / "cdnow/churn.toml").read_text(encoding="utf-8")
    joined = tmp_path / "churn.toml"
    joined.write_text(stated.replace('path = "transactions.parquet"', f'path = "{log}"\nlinks = "{links}"'))
    files = [joined, EXAMPLES / "cdnow/propensity.toml"]
    (home / "run.toml").write_text("".join(f"[[use_case]]\nfile = {json.dumps(str(one))}\n" for one in files))

    worker = worker_of(home, ListSource([]))
    with pytest.raises(HistoryError, match="as churn does: `use_cases` of \\[source\\] must name only others"):
        load_missing_history(home, worker)
    loaded = worker.state.ask("SELECT COUNT(*) FROM history")
    other = worker_of(home, ListSource([]), use_cases=["propensity"])
    load_missing_history(home, other)

    assert loaded == [(0,)]
    assert other.state.ask("SELECT COUNT(*) FROM history") != [(0,)]
