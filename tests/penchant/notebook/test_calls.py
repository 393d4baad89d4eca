"""Frames in, frames out: the same bits as the commands give, the same errors, of polars and of pandas."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from features.config.value_types import TomlValue
from features.errors import UseCaseError
from penchant import explain, score, train
from scoring.answers.explain import ProfileError
from scoring.cli.main import main
from scoring.errors import BundleError, RequestError
from scoring.privacy.suppression import add
from scoring.storage.table_files import ROWS, BatchError
from tests.conftest import ROOT
from tests.support.models import shop_rows
from tests.training.conftest import visits


def frame(rows: int = 300) -> pl.DataFrame:
    """A shop's customers, one of them broken."""
    found = pl.DataFrame([{"customer_id": f"c{row}", **each} for row, each in enumerate(shop_rows(rows, seed=4))])
    return found.with_columns(
        days_since_purchase=pl.when(pl.col("customer_id") == "c17").then(-4.0).otherwise("days_since_purchase")
    )


def by_command(home: Path, source: Path, *use_cases: str, reasons: int = 3) -> pl.DataFrame:
    """What `penchant score` writes of a file."""
    target = source.with_name("scored.parquet")
    names = [word for name in use_cases for word in ("--use-case", name)]
    words = ["--home", str(home), *names, "--input", str(source), "--output", str(target), "--reasons", str(reasons)]
    assert main(words) == 0
    return pl.read_parquet(target)


@pytest.mark.parametrize("use_cases", [("churn",), ("churn", "propensity")], ids=["one", "two"])
def test_a_frame_is_scored_as_a_file_is(home: Path, tmp_path: Path, use_cases: tuple[str, ...]) -> None:
    """To the bit: the same columns, in the same order, with the same values, whichever library's frame."""
    rows = frame()
    rows.write_parquet(tmp_path / "in.parquet")
    names = use_cases[0] if len(use_cases) == 1 else list(use_cases)

    expected = by_command(home, tmp_path / "in.parquet", *use_cases)

    assert score(rows, use_case=names, home=home).equals(expected)
    of_pandas = score(rows.to_pandas(), use_case=names, home=home)
    assert isinstance(of_pandas, pd.DataFrame)
    assert of_pandas.equals(expected.to_arrow().to_pandas())


def test_many_rows_are_scored_in_parts(home: Path, tmp_path: Path) -> None:
    """More rows than a batch holds, without ids: numbered through, and the same bits."""
    rows = pl.concat([frame(1000).drop("customer_id")] * (ROWS // 1000 + 2))
    rows.write_parquet(tmp_path / "in.parquet")

    found = score(rows, use_case="churn", home=home, reasons=0)

    assert found.equals(by_command(home, tmp_path / "in.parquet", "churn", reasons=0))
    assert found["customer_id"][-1] == str(len(rows))


def test_no_rows_have_no_scores(home: Path) -> None:
    """The columns are there."""
    found = score(frame().clear(), use_case="churn", home=home)

    assert (len(found), found.columns[:3]) == (0, ["customer_id", "status", "probability"])
    assert len(explain(frame().clear(), use_case="churn", home=home)) == 0


@pytest.mark.parametrize("kind", ["polars", "pandas"])
def test_contributions_of_a_frame_are_those_of_each_row(home: Path, kind: str) -> None:
    """To the bit, and with the base value they add up to the probability; who is not scored has none."""
    rows = frame(40)
    found = explain(rows if kind == "polars" else rows.to_pandas(), use_case="churn", home=home)
    assert isinstance(found, pl.DataFrame if kind == "polars" else pd.DataFrame)
    flat = found.to_dicts() if isinstance(found, pl.DataFrame) else found.to_dict("records")

    for row, answer in zip(rows.to_dicts(), flat, strict=True):
        if answer["status"] != "scored":
            assert answer["base_value"] is None or math.isnan(answer["base_value"])
            continue
        alone = explain(row, use_case="churn", home=home)
        added = {name.removeprefix("contribution_"): value for name, value in answer.items() if "contribution_" in name}
        assert added == alone["contributions"]
        assert (answer["base_value"], answer["probability"]) == (alone["base_value"], alone["probability"])
        assert answer["probability"] == pytest.approx(
            1 / (1 + math.exp(-answer["base_value"] - sum(added.values()))), abs=1e-12
        )


def test_a_row_of_pandas_is_a_customer(home: Path) -> None:
    """With numpy's numbers, missing values and dates as pandas gives them."""
    rows = frame(30).with_columns(pl.col("joined on").str.to_date())
    plain = [{**row, "joined on": row["joined on"] and row["joined on"].isoformat()} for row in rows.to_dicts()]

    for (_, row), posted in zip(rows.to_pandas().iterrows(), plain, strict=True):
        if posted["customer_id"] != "c17":
            assert explain(row, use_case="churn", home=home) == explain(posted, use_case="churn", home=home)


def test_what_a_model_does_not_read_does_not_matter(home: Path) -> None:
    """A row has the columns of its frame, the outcome among them."""
    row = frame(1).row(0, named=True)

    assert explain({**row, "outcome": 1}, use_case="churn", home=home) == explain(row, use_case="churn", home=home)


def test_who_objected_is_neither_scored_nor_explained(home: Path, tmp_path: Path) -> None:
    """By Python as by every other way."""
    own = tmp_path / "home"
    shutil.copytree(home, own)
    add(own, ["c1"])
    rows = frame(3)

    assert score(rows, use_case="churn", home=own)["status"].to_list() == ["scored", "opted_out", "scored"]
    assert explain(rows, use_case="churn", home=own)["base_value"].is_null().to_list() == [False, True, False]
    with pytest.raises(ProfileError):
        explain(rows.row(1, named=True), use_case="churn", home=own)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda home: score(frame().drop("subscribed"), use_case="churn", home=home), BatchError),
        (lambda home: score(frame().lazy(), use_case="churn", home=home), BatchError),
        (lambda home: score([1, 2], use_case="churn", home=home), BatchError),
        (lambda home: score(frame(), use_case="nobody", home=home), BundleError),
        (lambda home: score(frame(), use_case="churn", home=home, reasons=21), RequestError),
        (lambda home: explain(frame().row(17, named=True), use_case="churn", home=home), ProfileError),
        (lambda home: explain({"subscribed": True}, use_case="churn", home=home), BatchError),
        (lambda home: train("nowhere.toml", home=home), UseCaseError),
        (lambda home: train({"name": "x"}, home=home), UseCaseError),
    ],
    ids=["column", "lazy", "list", "release", "reasons", "value", "row", "file", "sections"],
)
def test_errors_are_those_of_the_packages(home: Path, call: Any, error: type[Exception]) -> None:
    """So that what handles one handles the other."""
    with pytest.raises(error):
        call(home)


def test_no_value_of_a_frame_is_in_a_message(home: Path) -> None:
    """A column of several kinds is refused by its name alone."""
    rows = frame(3).to_pandas()
    rows["days_since_purchase"] = pd.Series([1.0, "Ada Lovelace", date(2024, 1, 1)], dtype=object)

    with pytest.raises(BatchError, match="Column days_since_purchase must hold one kind of values") as error:
        score(rows, use_case="churn", home=home)
    assert "Ada" not in str(error.value)
    assert error.value.__suppress_context__


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_a_frame_is_trained_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is that of --json; what serves afterwards scores; a second time nothing is to do, and no row is kept."""
    monkeypatch.chdir(tmp_path)
    rows = visits(600)
    asked: dict[str, TomlValue]
    asked = {"name": "visits", "polarity": "positive", "table": {"label": "came back", "positive": True}}

    line = train(asked, frame=rows, home=tmp_path / "home", promote="always")
    again = train(asked, frame=rows, home=tmp_path / "home", promote="always")

    assert (line["name"], line["version"], line["promoted"]) == ("visits", "1", True)
    assert again["version"] == "1"
    assert set(score(rows, use_case="visits", home=tmp_path / "home")["status"]) == {"scored"}
    assert list(tmp_path.rglob("frame.parquet")) == []


def test_importing_penchant_loads_nothing() -> None:
    """A notebook's first cell is instant; a wrong name is an AttributeError."""
    program = "import sys, penchant\nprint(*sys.modules)\nassert not hasattr(penchant, 'promote')"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not {"numpy", "pyarrow", "scoring", "training", "features"} & set(ended.stdout.split())
