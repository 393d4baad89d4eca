"""Who objected is scored by no batch, and the list itself names nobody."""

from __future__ import annotations

import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.answers.served_release import Live
from scoring.batch.table_answers import score_table
from scoring.cli.main import main
from scoring.privacy import suppression
from scoring.privacy.suppression import FILE, KEY_FILE, Suppression, SuppressionError, open_suppression
from tests.support.models import shop_rows

IDS = ["c1", "é", "c'3\x00", "17"]


def test_the_list_holds_whom_it_was_given(tmp_path: Path) -> None:
    """Twice is once; whoever is removed is free again; everyone else never was barred."""
    assert open_suppression(tmp_path) is None
    assert suppression.count(tmp_path) == 0

    assert suppression.add(tmp_path, IDS) == 4
    assert suppression.add(tmp_path, [*IDS, "c5"]) == 1
    assert suppression.remove(tmp_path, ["c1", "nobody"]) == 1

    barred = Suppression(tmp_path).among([*IDS, "c5", "C5", " c5", *(f"x{n}" for n in range(2000))])
    assert barred == {*IDS[1:], "c5", " c5"}  # blanks around are no part of an id, its case is
    assert suppression.count(tmp_path) == 4


def test_no_id_stands_in_any_file(tmp_path: Path) -> None:
    """Only keyed hashes do, and only the owner may read the key; without it they stand for nobody."""
    suppression.add(tmp_path, ["Planted-7391-Id"])

    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    assert {FILE, KEY_FILE} <= written.keys()
    assert not any(b"Planted-7391" in content for content in written.values())
    assert all(stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600 for name in written)


def test_a_list_without_its_key_bars_everything(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody is scored who may have objected; and no second key hides the first one's list."""
    suppression.add(tmp_path, IDS)
    (tmp_path / KEY_FILE).unlink()

    with pytest.raises(SuppressionError, match=KEY_FILE):
        Suppression(tmp_path).among(["c1"])
    with pytest.raises(SuppressionError, match=KEY_FILE):
        suppression.add(tmp_path, ["c9"])


def test_a_broken_list_is_an_error(tmp_path: Path) -> None:
    """It is never taken for an empty one."""
    suppression.add(tmp_path, IDS)
    (tmp_path / FILE).write_bytes(b"no database" * 100)

    with pytest.raises(SuppressionError, match=FILE):
        Suppression(tmp_path).among(["c1"])


def test_a_batch_tells_nothing_of_who_objected(live: dict[str, Live], tmp_path: Path) -> None:
    """The status says so; no score, no reason, no segment; all other rows are as they were, to the bit."""
    rows = [{"customer_id": number, **row} for number, row in enumerate(shop_rows(200, seed=4))]
    rows[17]["days_since_purchase"] = -4.0
    table = pa.Table.from_pylist(rows)
    suppression.add(tmp_path, ["17", "18", "nobody"])

    plain = score_table(live, table, reasons=2).to_pylist()
    honoured = score_table(live, table, reasons=2, suppression=open_suppression(tmp_path)).to_pylist()

    for number, (before, after) in enumerate(zip(plain, honoured, strict=True)):
        if number not in (17, 18):
            assert before == after
            continue
        for name in live:
            assert after.pop(f"{name}_status") == "opted_out"
            assert after.pop(f"{name}_model_version") == "1"
        assert after.pop("customer_id") == str(number)
        assert set(after.values()) == {None}


def test_rows_without_ids_are_nobody_on_the_list(live: dict[str, Live], tmp_path: Path) -> None:
    """A row number is no id."""
    suppression.add(tmp_path, ["1", "2", "3"])

    scored = score_table(live, pa.Table.from_pylist(shop_rows(3)), suppression=open_suppression(tmp_path))

    assert "opted_out" not in scored.column("churn_status").to_pylist()


def test_the_command_line_honours_the_list_of_its_home(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m scoring` reads it by itself; where it cannot, it fails and writes nothing."""
    release_store = tmp_path / "home"
    release_store.mkdir()
    (release_store / "releases").symlink_to(home / "releases")
    rows = [{"customer_id": f"c{number}", **row} for number, row in enumerate(shop_rows(20, seed=4))]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    suppression.add(release_store, ["c3"])
    asked = ["--home", str(release_store), "--use-case", "churn", "--input", str(tmp_path / "in.parquet"), "--output"]

    assert main([*asked, str(tmp_path / "out.parquet")]) == 0
    (release_store / KEY_FILE).unlink()
    assert main([*asked, str(tmp_path / "none.parquet")]) == 1

    statuses = pq.read_table(tmp_path / "out.parquet").column("status").to_pylist()
    assert [row for row, status in enumerate(statuses) if status == "opted_out"] == [3]
    assert not (tmp_path / "none.parquet").exists()
