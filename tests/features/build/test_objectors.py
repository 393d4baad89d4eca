"""Who objected or was erased is learned from nowhere: not in a table, not in its profiles, not in what is built."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.__main__ import main
from features.build.log_table import learning_table, rows_at, scoring_table
from features.spec.suppression_list import SuppressionError, objectors_of
from scoring.privacy import suppression
from tests.support.worlds import log_case, purchases, table_case, utc

OUT = ["c1", "c2", "c3"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two objectors and one who was erased, in the spellings of a list."""
    suppression.add(tmp_path / "home", [" c1", "c2\u00a0", "nobody"])
    suppression.mark_erased(tmp_path / "home", ["c3"], at=1.0)
    return tmp_path / "home"


def test_a_log_without_objectors_is_as_if_they_had_never_been(home: Path, tmp_path: Path) -> None:
    """Every figure is that of the log without their events; the report counts them; the training is another."""
    events = purchases(120)
    whole = learning_table(log_case(tmp_path, events), objectors=objectors_of(home))
    with_them = learning_table(log_case(tmp_path, events))

    without = learning_table(log_case(tmp_path, events.filter(~pl.col("customer_id").is_in(OUT))))

    rows = events.filter(pl.col("customer_id").is_in(OUT)).height
    assert whole.rows.equals(without.rows)
    assert whole.report["rows"] == without.report["rows"]
    assert [note["figures"] for note in whole.report["notes"] if note["rule"] == "opted_out"] == [
        {"customers": 3, "rows": rows}
    ]
    assert len({whole.digest, with_them.digest}) == 2


def test_a_list_of_nobody_here_changes_nothing(tmp_path: Path) -> None:
    """Nor does it make another training."""
    suppression.add(tmp_path / "home", ["nobody"])
    case = log_case(tmp_path, purchases(120))

    with_list, without = learning_table(case, objectors=objectors_of(tmp_path / "home")), learning_table(case)

    assert with_list.rows.equals(without.rows)
    assert with_list.digest == without.digest
    assert objectors_of(tmp_path / "none") is None


def test_objectors_are_in_no_table_to_score_and_in_no_profile(home: Path, tmp_path: Path) -> None:
    """Also where it is a link that says who they are."""
    events = purchases(120)
    pl.DataFrame({"customer_id": ["c9"], "same_as": ["c1"]}).write_csv(tmp_path / "links.csv")
    pl.DataFrame({"customer_id": [f"c{i}" for i in range(120)], "points": np.arange(120)}).write_parquet(
        tmp_path / "p.parquet"
    )
    profiles = {"path": "p.parquet", "customer_id": "customer_id"}
    case = log_case(tmp_path, events, profiles=profiles, events={"links": "links.csv"})
    listed = objectors_of(home)

    scored = scoring_table(case, utc(200), objectors=listed)["customer_id"].to_list()
    learned = learning_table(case, objectors=listed).rows["__customer_id"].to_list()
    seasonal = rows_at(case, [utc(150)], listed)["__customer_id"].to_list()

    assert not {"c1", "c2", "c3", "c9"} & {*scored, *learned, *seasonal}


def test_a_table_is_learned_from_without_objectors(home: Path, tmp_path: Path) -> None:
    """Their rows are left out and counted."""
    random = np.random.default_rng(7)
    frame = pl.DataFrame(
        {"id": [f"c{i}" for i in range(300)], "x": random.normal(size=300), "y": random.choice(["yes", "no"], 300)}
    )

    table = learning_table(table_case(tmp_path, frame, customer_id="id"), objectors=objectors_of(home))

    assert table.rows.height == 297
    assert [note["figures"] for note in table.report["notes"] if note["rule"] == "opted_out"] == [
        {"customers": 3, "rows": 3}
    ]


def test_built_tables_follow_the_list_of_the_home(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A partition that was built before somebody objected is built again."""
    case = log_case(tmp_path, purchases(120)).file
    words = [
        "build",
        str(case),
        "--cutoff",
        "2024-07-01",
        "--out",
        str(tmp_path / "out"),
        "--home",
        str(home),
        "--json",
    ]

    counts = []
    for objector in ("nobody else", "c4", "c4"):
        suppression.add(home, [objector])
        assert main(words) == 0
        counts.append(json.loads(capsys.readouterr().out)["customers"])

    assert counts[1] == counts[0] - 1
    assert counts[2] is None


def test_a_list_that_cannot_be_read_stops_all(home: Path, tmp_path: Path) -> None:
    """Nobody is learned from who may have objected."""
    case = log_case(tmp_path, purchases(120)).file
    (home / suppression.KEY_FILE).unlink()

    with pytest.raises(SuppressionError):
        objectors_of(home)
    assert main(["report", str(case), "--home", str(home)]) == 1


def test_an_earlier_list_is_heeded(tmp_path: Path) -> None:
    """Whose ids were hashed as they were spelled."""
    suppression.add(tmp_path, ["someone"])
    with sqlite3.connect(tmp_path / suppression.FILE) as connection:
        connection.execute("PRAGMA user_version = 0")

    listed = objectors_of(tmp_path)

    assert listed
    assert listed.among(["someone", "616"]) == {"someone"}
