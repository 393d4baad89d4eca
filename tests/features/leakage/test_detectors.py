"""Leaks are named, honest tables are left alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.build.log_table import learning_table
from features.config.use_case import load_use_case
from features.leakage import row_slices
from features.leakage.detectors import leaks
from features.spec.feature import Feature, Finding
from features.tables.learning_table import LearningTable
from tests.support.planted import ANY_TABLE, NAME, futures, planted_feature
from tests.support.worlds import EXAMPLES, START, log_case, purchases, shared, table_case, write_use_case

FUTURES = {
    "purchases in the window",
    "purchases in its first third",
    "days to the next purchase",
    "money in the window",
    "purchases of the whole log",
    "money of the whole log",
    "days since the very last",
    "status at the end",
}


@pytest.fixture(scope="module")
def tables() -> dict[str, LearningTable]:
    """The learning tables of the examples, made once."""
    files = {"bank": "bank/term-deposit", "cdnow propensity": "cdnow/propensity", "cdnow churn": "cdnow/churn"}
    return {name: learning_table(load_use_case(EXAMPLES / f"{file}.toml")) for name, file in files.items()}


@pytest.fixture(scope="module")
def ahead(tables: dict[str, LearningTable]) -> pl.DataFrame:
    """What CDNOW's log holds after each row's cutoff."""
    return futures(tables["cdnow propensity"].rows, pl.read_parquet(EXAMPLES / "cdnow/transactions.parquet"), 90)


def _found(
    rows: pl.DataFrame, features: tuple[Feature, ...], cells: pl.Series, proven: tuple[str, ...] = ()
) -> set[str]:
    named = leaks(rows.with_columns(cells), [*features, planted_feature(cells)], proven=proven)
    return {finding.feature or "" for finding in named}


@pytest.mark.parametrize("enough", [200_000, 15_000], ids=["whole", "sampled"])
@pytest.mark.parametrize("variant", ANY_TABLE)
def test_a_leak_in_a_ready_table_is_named(
    tables: dict[str, LearningTable], monkeypatch: pytest.MonkeyPatch, variant: str, enough: int
) -> None:
    """Whatever way a column knows the outcome, it is named, and no other is; also where a sample is looked at."""
    monkeypatch.setattr(row_slices, "ENOUGH", enough)
    monkeypatch.setattr(row_slices, "RARER", enough // 10)
    table = tables["bank"]
    cells = ANY_TABLE[variant](table.rows, np.random.default_rng(3))

    assert _found(table.rows, table.features, cells) == {NAME}


def test_a_sample_holds_thousands_of_a_rare_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are drawn where there are more than enough of them and of the rarer class, in their order, repeatably."""
    monkeypatch.setattr(row_slices, "ENOUGH", 100)
    monkeypatch.setattr(row_slices, "RARER", 20)
    rows = pl.DataFrame({"at": range(1000), "__label": [int(row % 25 == 0) for row in range(1000)]})

    drawn = row_slices.sampled(rows)

    assert (len(drawn), drawn["at"].is_sorted()) == (500, True)
    assert drawn["__label"].sum() == pytest.approx(20, abs=8)
    assert drawn.equals(row_slices.sampled(rows))
    assert row_slices.sampled(rows.head(400)).height == 400


@pytest.mark.parametrize("variant", sorted(FUTURES))
def test_a_trait_from_the_future_is_named(tables: dict[str, LearningTable], ahead: pl.DataFrame, variant: str) -> None:
    """A trait that knows what the log holds after the cutoff is named, beside features of the log that are honest."""
    table = tables["cdnow propensity"]

    found = _found(table.rows, table.features, ahead[variant], tuple(f.name for f in table.features))

    assert found == {variant}


@pytest.mark.parametrize("total", ["purchases of the whole log", "money of the whole log"])
def test_a_total_that_goes_on_after_the_cutoff_blocks(
    tables: dict[str, LearningTable], ahead: pl.DataFrame, total: str
) -> None:
    """It is found out by the log's own total, whatever else there is to tell."""
    table = tables["cdnow propensity"]

    found = leaks(
        table.rows.with_columns(ahead[total]),
        [*table.features, planted_feature(ahead[total])],
        proven=[f.name for f in table.features],
    )

    assert ("holds_the_future", total, "block") in _named(found)


def test_a_trait_that_knows_only_the_last_outcome_is_named(
    tables: dict[str, LearningTable], ahead: pl.DataFrame
) -> None:
    """Profiles exported after the test window tell of that window and of no earlier one."""
    table = tables["cdnow propensity"]
    noise = pl.Series(np.random.default_rng(5).permutation(ahead["purchases in the window"].to_numpy()))
    is_last = table.rows["__cutoff"] == table.rows["__cutoff"].max()
    cells = ahead["purchases in the window"].zip_with(is_last, noise).alias(NAME)

    assert _found(table.rows, table.features, cells, tuple(f.name for f in table.features)) == {NAME}


@pytest.mark.parametrize("name", ["bank", "cdnow propensity", "cdnow churn"])
def test_an_example_has_no_finding(tables: dict[str, LearningTable], name: str) -> None:
    """The examples are clean, their features taken as proven or not."""
    table = tables[name]

    assert table.findings == ()
    assert leaks(table.rows, table.features) == ()


def test_strong_honest_features_are_left_alone(tmp_path: Path) -> None:
    """Iranian Churn is predicted with an AUC of .98, by columns none of which leaks."""
    source = {"path": str(shared("iranian_churn.parquet")), "label": "churn", "positive": 1}

    assert learning_table(load_use_case(write_use_case(tmp_path, {"table": source}))).findings == ()


@pytest.mark.parametrize(("outcome", "eligible"), [("present", {}), ("absent", {"active_within": "90d"})])
def test_online_retail_has_no_finding(tmp_path: Path, outcome: str, eligible: dict[str, str]) -> None:
    """Neither its propensity nor its churn."""
    sections = {
        "events": {
            "path": str(shared("online_retail_ii_invoices.parquet")),
            "customer_id": "customer_id",
            "timestamp": "ts",
            "amount": "amount",
            "type": "purchase",
            "refund": {"column": "is_cancel", "equals": True},
        },
        "window": {"prediction": "90d", "test_cutoff": "2011-09-10"},
        "label": {"event": "purchase", "outcome": outcome},
        "eligible": eligible,
    }

    assert learning_table(load_use_case(write_use_case(tmp_path, sections))).findings == ()


@pytest.mark.parametrize("seed", range(12))
def test_chance_raises_no_alarm(seed: int) -> None:
    """Noise, rare levels, gaps and one strong feature, at several sizes and base rates, are no leaks."""
    random = np.random.default_rng(seed)
    n, base = int(random.choice([150, 1_000, 20_000])), float(random.choice([0.1, 0.3, 0.5]))
    strong = random.normal(size=n)
    label = random.random(n) < 1 / (1 + np.exp(-(1.5 * strong + np.log(base / (1 - base)))))
    columns = {
        "strong": strong,
        "count": random.poisson(np.exp(0.7 * strong)),
        "gaps": np.where(random.random(n) < 0.9, np.nan, strong),
        "zeros": np.where(random.random(n) < 0.8, 0.0, random.gamma(1, 5, n)),
        "number": random.permutation(n) * 7 + 13,
        **{f"noise {i}": random.normal(size=n) for i in range(8)},
        **{f"level {i}": random.integers(0, many, n).astype(str) for i, many in enumerate((2, 5, 50, 500))},
    }
    rows = pl.DataFrame(columns, nan_to_null=True).with_columns(
        pl.lit(None, pl.Datetime("us", "UTC")).alias("__cutoff"),
        pl.lit(None, pl.Float64).alias("__order"),
        pl.Series("__label", label.astype(np.int8)),
        pl.Series("__group", random.integers(0, 2**63, n).astype(np.uint64)),
    )

    assert leaks(rows, [planted_feature(rows[name]) for name in columns]) == ()


def test_the_length_of_the_call_is_asked_about(tmp_path: Path) -> None:
    """`duration`, known only after the call, tells more than all else in the table."""
    source = {"path": str(EXAMPLES / "bank/bank_full.parquet"), "label": "y", "positive": "yes"}

    findings = learning_table(load_use_case(write_use_case(tmp_path, {"table": source}))).findings

    assert [(rule, name) for rule, name, _ in _named(findings)] == [("outweighs_all_others", "duration")]


def _table(n: int = 600, *, seed: int = 1) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    label = random.random(n) < 0.3
    return pl.DataFrame({"age": random.integers(18, 90, n), "y": np.where(label, "yes", "no")})


def _named(findings: tuple[Finding, ...]) -> list[tuple[str, str | None, str]]:
    return [(finding.rule, finding.feature, finding.severity) for finding in findings]


def test_an_accepted_leak_only_warns(tmp_path: Path) -> None:
    """The reason that the use case gives stands in the finding."""
    table = _table().with_columns(won=pl.when(pl.col("y") == "yes").then(1.5).otherwise(0.5))
    case = table_case(tmp_path, table)
    accepting = case.model_copy(update={"accepted_leaks": {"won": "known at the till"}})

    assert ("separates_alone", "won", "block") in _named(learning_table(case).findings)
    findings = learning_table(accepting).findings
    assert {finding.severity for finding in findings} == {"warn"}
    assert all(finding.detail.endswith("Accepted: known at the till") for finding in findings)


@pytest.mark.parametrize("name", ["id", "CustomerID", "client no", "row_number", "id_client", "accountKey"])
def test_a_number_called_an_id_is_dropped(tmp_path: Path, name: str) -> None:
    """It could only be learned by heart; the data report says so."""
    table = _table()
    ids = pl.Series(name, np.random.default_rng(2).permutation(len(table)) * 3 + 1000)

    made = learning_table(table_case(tmp_path, table.with_columns(ids)))

    (column,) = [column for column in made.report["columns"] if column["name"] == name]
    assert [feature.name for feature in made.features] == ["age"]
    assert column["dropped"] == "it is an identifier by its name, another in every row"
    assert made.findings == ()


@pytest.mark.parametrize(("name", "step"), [("income", 3), ("key", 0.37)])
def test_a_measure_that_differs_in_every_row_is_kept(tmp_path: Path, name: str, step: float) -> None:
    """An income is no identifier, however many there are; nor is what has decimals."""
    table = _table()
    measure = pl.Series(name, np.random.default_rng(2).permutation(len(table)) * step + 1000)

    made = learning_table(table_case(tmp_path, table.with_columns(measure)))

    assert {feature.name for feature in made.features} == {name, "age"}


@pytest.mark.parametrize("form", ["by value", "by its last digit", "by its first sign"])
def test_an_identifier_that_tells_the_class_is_named(tmp_path: Path, form: str) -> None:
    """It is no feature, but it shows that the table was put together by its outcome."""
    table = _table()
    yes, place = (table["y"] == "yes").cast(pl.Int64), pl.Series(np.random.default_rng(4).permutation(len(table)))
    ids = {
        "by value": (place + 10_000 * yes).alias("id"),
        "by its last digit": (place * 2 * 5 + yes).alias("id"),
        "by its first sign": ("N" + place.cast(pl.String)).zip_with(yes == 0, "P" + place.cast(pl.String)).alias("id"),
    }

    made = learning_table(table_case(tmp_path, table.with_columns(ids[form])))

    assert _named(made.findings) == [("identifier_tells", "id", "warn")]


def test_dates_after_the_row_s_own_moment_are_asked_about(tmp_path: Path) -> None:
    """In a table ordered in time, a date later than the row's own is a plan or was not known."""
    table = _table()
    random = np.random.default_rng(6)
    moment = pl.Series("day", [START + timedelta(days=int(day)) for day in random.integers(0, 300, len(table))])
    later = (moment + pl.Series(random.integers(-20, 20, len(table)) * 86_400_000_000).cast(pl.Duration("us"))).alias(
        "visit"
    )

    made = learning_table(table_case(tmp_path, table.with_columns(moment, later), order_by="day"))

    assert _named(made.findings) == [("dated_after_cutoff", "visit", "warn")]


def _profiled(folder: Path, traits: pl.DataFrame, **keys: str) -> tuple[Finding, ...]:
    traits.write_parquet(folder / "profiles.parquet")
    profiles = {"path": "profiles.parquet", "customer_id": "customer_id", **keys}
    return learning_table(log_case(folder, purchases(400), profiles=profiles)).findings


def test_a_trait_written_after_the_cutoff_is_named(tmp_path: Path) -> None:
    """Profiles that say when they were last touched, and are not declared to, give themselves away."""
    last = purchases(400).group_by("customer_id").agg(updated_at=pl.col("ts").max())

    findings = _profiled(tmp_path, last)

    assert ("dated_after_cutoff", "updated_at_age_days", "block") in _named(findings)
    assert any("'updated_at'" in finding.detail for finding in findings)


def test_a_trait_without_date_is_a_question(tmp_path: Path) -> None:
    """Nothing shows that an honest trait was known at the cutoff; with `valid_from` nothing needs to."""
    random = np.random.default_rng(0)
    traits = pl.DataFrame({"customer_id": [f"c{i}" for i in range(400)], "size": random.choice(["s", "m"], 400)})
    dated = traits.with_columns(since=pl.lit(START - timedelta(days=9)))

    assert _named(_profiled(tmp_path, traits)) == [("trait_without_valid_from", "size", "warn")]
    assert _profiled(tmp_path, dated, valid_from="since") == ()


def test_profiles_from_after_the_cutoff_are_not_seen(tmp_path: Path) -> None:
    """A trait that changes with each purchase is harmless where `valid_from` says when."""
    log = purchases(400)
    first = log.group_by("customer_id").agg(ts=pl.lit(START - timedelta(days=9)), bought=pl.lit(0))
    each = log.select("customer_id", "ts", bought=pl.int_range(pl.len()).over("customer_id") + 1)
    versions = pl.concat([first.cast({"ts": pl.Datetime("us"), "bought": pl.Int64}), each])

    assert _profiled(tmp_path, versions, valid_from="ts") == ()
