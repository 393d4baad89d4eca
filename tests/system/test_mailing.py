"""The synthetic mailing example keeps its own promises."""

from __future__ import annotations

import runpy
from pathlib import Path

import polars as pl
import pytest

from tests.support.worlds import load_log

FOLDER = Path(__file__).parents[2] / "examples/b2b-mailing"
HORIZON = pl.duration(days=30)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, small, in a folder of its own."""
    folder = tmp_path_factory.mktemp("mailing")
    runpy.run_path(str(FOLDER / "generate.py"))["write_example"](folder, customers=1500, seed=7)
    return folder


@pytest.fixture(scope="module")
def events(written: Path) -> pl.DataFrame:
    """Its log."""
    return pl.read_parquet(written / "events.parquet")


def test_one_seed_writes_one_example(written: Path, tmp_path: Path) -> None:
    """A second run with the same seed writes the same rows, another seed does not."""
    write = runpy.run_path(str(FOLDER / "generate.py"))["write_example"]

    write(tmp_path / "again", customers=1500, seed=7)
    write(tmp_path / "other", customers=1500, seed=8)

    for name in ("events", "profiles", "truth"):
        first = pl.read_parquet(written / f"{name}.parquet")
        assert first.equals(pl.read_parquet(tmp_path / f"again/{name}.parquet"))
        assert not first.equals(pl.read_parquet(tmp_path / f"other/{name}.parquet"))


def test_the_truth_is_what_happens(written: Path, events: pl.DataFrame) -> None:
    """In each fifth of the known probability, quotes within 30 days are as frequent as it says, within chance."""
    quotes = events.filter(pl.col("event_type") == "quote_request").select("customer_id", quoted="timestamp")
    truth = pl.read_parquet(written / "truth.parquet")
    happened = (
        truth.join(quotes, on="customer_id")
        .filter(pl.col("quoted").is_between(pl.col("cutoff"), pl.col("cutoff") + HORIZON, closed="left"))
        .select("customer_id", "cutoff", happened=pl.lit(1))
        .unique()
    )

    fifths = (
        truth.join(happened, on=["customer_id", "cutoff"], how="left")
        .with_columns(fifth=pl.col("quote_probability").rank("ordinal") * 5 // (pl.len() + 1))
        .group_by("fifth")
        .agg(
            said=pl.col("quote_probability").sum(),
            seen=pl.col("happened").sum(),
            sd=(pl.col("quote_probability") * (1 - pl.col("quote_probability"))).sum().sqrt(),
        )
    )

    assert len(fifths) == 5
    assert ((fifths["said"] - fifths["seen"]).abs() <= 4 * fifths["sd"] + 1e-9).all()


def test_a_person_acts_after_signing_up_only(written: Path, events: pl.DataFrame) -> None:
    """No event lies before the sign-up, and every trait holds from the sign-up on."""
    people = pl.read_parquet(written / "profiles.parquet")

    joined = events.join(people.select("customer_id", "signed_up").unique(), on="customer_id")

    assert len(joined) == len(events)
    assert (joined["timestamp"].dt.date() >= joined["signed_up"]).all()
    assert (people["valid_from"] >= people["signed_up"]).all()


def test_the_funnel_narrows(events: pl.DataFrame) -> None:
    """Opens are fewer than sends, clicks fewer than opens, for everyone; only visits have a time on the page."""
    counts = events.pivot("event_type", index="customer_id", values="timestamp", aggregate_function="len").fill_null(0)

    assert (counts["send"] >= counts["open"]).all()
    assert (counts["open"] >= counts["click"]).all()
    assert (events["time_on_page"].is_not_null() == (events["event_type"] == "visit")).all()
    assert (events["time_on_page"].drop_nulls() > 0).all()


@pytest.mark.parametrize(("file", "name"), [("propensity", "mailing-propensity"), ("churn", "mailing-churn")])
def test_its_use_cases_read_what_the_generator_writes(written: Path, file: str, name: str) -> None:
    """Every column and event type that a use case names is in the files."""
    use_case = load_log(FOLDER / f"{file}.toml")
    log = pl.read_parquet(written / use_case.events.path.name)
    assert use_case.profiles is not None
    people = pl.read_parquet(written / use_case.profiles.path.name)

    assert use_case.name == name
    assert {*use_case.events.properties, *use_case.events.measures} <= set(log.columns)
    assert {use_case.label.event, *use_case.engagement} <= set(log["event_type"].unique())
    assert {use_case.profiles.valid_from, *use_case.profiles.groups} <= set(people.columns)
