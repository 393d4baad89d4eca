"""An outside table says how well it fits before it is a feature, and what is derived is the same over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from features.build.log_table import LearningTable, learning_table
from features.config.use_case import LogUseCase
from features.errors import DataError, UseCaseError
from features.point_in_time.compiled_sql import raw_events
from features.quality.render import as_text
from features.spec.feature import Finding, Json
from features.spec.raw_events import RawEvents
from features.tables.learning_table import ID
from serving.customers.raw_events import _read, _run
from tests.support.worlds import load_log, log_case, purchases

COUNT = 120
CODES = ["75011", "69003", "20200", "1000"]
TOWNS = ["Paris", "Lyon", "Bastia", "Bourg"]
AGENTS = ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_5)", "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"]
HOMES = [(48.86, 2.37), (45.75, 4.85), (42.70, 9.45), (46.20, 5.22)]


@dataclass(frozen=True)
class Enriched:
    """A use case with an outside table and derived traits, and what it learns from."""

    use_case: LogUseCase
    table: LearningTable
    compiled: RawEvents
    people: pl.DataFrame


def enriched_case(folder: Path, *, towns: list[str] = TOWNS, more: str = 'as_of = "2022-06-01"') -> LogUseCase:
    """A shop whose profiles are joined to what is known of towns."""
    people(folder).write_parquet(folder / "profiles.parquet")
    codes = ["75011", "69003", "20200", "75011"]  # one stands twice, one is missing
    rows = {"Code": codes, "town": towns, "income": [31_000.0, 26_500.0, 22_000.0, 1.0], "mayor": ["a", "b", "c", "d"]}
    pl.DataFrame(rows).write_csv(folder / "towns.csv")
    shops = {"name": ["Nord", "Sud"], "latitude": [48.85, 43.3], "longitude": [2.35, 5.4]}
    pl.DataFrame(shops).write_csv(folder / "shops.csv")
    derive = [
        {"name": "departement", "rule": "french_department", "of": "postcode"},
        {"name": "device", "rule": "device_family", "of": "agent"},
        {"name": "shop", "rule": "nearest_shop", "of": ["lat", "lon"], "shops": "shops.csv"},
    ]
    profiles = {"path": "profiles.parquet", "customer_id": "customer_id", "derive": derive}
    file = log_case(folder, purchases(COUNT), profiles=profiles).file
    section = f"""
        [[enrich]]
        name = "geo"
        path = "towns.csv"
        key = "Code"
        on = "postcode"
        columns = ["income"]
        known = {{ town = "city" }}
        {more}
    """
    file.write_text(file.read_text(encoding="utf-8") + section, encoding="utf-8")
    return load_log(file)


def people(folder: Path) -> pl.DataFrame:
    """A profile for each customer."""
    at = range(COUNT)
    return pl.DataFrame(
        {
            "customer_id": [f"c{n}" for n in at],
            "postcode": [CODES[n % 4] for n in at],
            "city": [TOWNS[n % 4].upper() for n in at],
            "agent": [AGENTS[n % 2] for n in at],
            "lat": [HOMES[n % 4][0] for n in at],
            "lon": [HOMES[n % 4][1] for n in at],
        }
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Enriched:
    """Learned from once."""
    folder = tmp_path_factory.mktemp("enriched")
    use_case = enriched_case(folder)
    table = learning_table(use_case)
    assert table.feature_plan is not None
    return Enriched(use_case, table, json.loads(json.dumps(raw_events(use_case, table.feature_plan))), people(folder))


def test_the_report_says_how_an_outside_table_fits(made: Enriched) -> None:
    """Match rate, contradictions and age, before anything is learned."""
    [report] = made.table.report["enrichments"]

    assert (report["rows"], report["repeated_keys"], report["profiles"], report["matched"]) == (4, 1, 120, 90)
    assert report["match_rate"] == 0.75
    assert report["contradictions"] == [{"column": "town", "known": "city", "compared": 90, "differ": 0}]
    assert (report["as_of"], report["columns"]) == ("2022-06-01", ["geo_income"])
    assert report["age_days"] is not None
    assert report["age_days"] > 730
    assert "75.0% of keys found; town contradicts city in 0 of 90 rows; of 2022-06-01" in as_text(made.table.report)


def test_what_is_old_or_repeated_is_a_finding(made: Enriched) -> None:
    """And nothing else here."""
    assert rules(made.table.findings) == ["enrichment_old", "enrichment_repeated_keys"]


def rules(findings: tuple[Finding, ...]) -> list[str]:
    """The rules of findings on outside tables."""
    return sorted(each.rule for each in findings if each.rule.startswith("enrichment"))


def test_what_the_table_brings_and_what_is_derived_are_features(made: Enriched) -> None:
    """What they are derived from is none."""
    rows = made.table.rows.filter(pl.col(ID) == "c2")
    names = {feature.name for feature in made.table.features}

    assert {"geo_income", "departement", "device", "shop", "shop_km"} <= names
    assert not {"postcode", "agent", "lat", "lon", "town", "geo_town", "mayor"} & names
    assert rows.select("geo_income", "departement", "device", "shop").row(0) == (22_000.0, "2B", "iphone", "Sud")


def test_few_matches_contradictions_and_a_later_date_are_findings(tmp_path: Path) -> None:
    """Each with its figures; the columns stay, whoever reads the report decides."""
    use_case = enriched_case(tmp_path, towns=["Rome", "Lyon", "Oslo", "x"], more='dated = "on"\nleast_match = 0.9')
    file = tmp_path / "towns.csv"
    pl.read_csv(file, infer_schema=False).with_columns(on=pl.lit("2024-10-20")).write_csv(file)

    findings = learning_table(use_case).findings

    found = ["enrichment_after_cutoff", "enrichment_contradicts", "enrichment_few_matches", "enrichment_repeated_keys"]
    assert rules(findings) == found
    [against] = [each for each in findings if each.rule == "enrichment_contradicts"]
    assert (against.figures["differ"], against.figures["compared"]) == (60, 90)


@pytest.mark.parametrize(
    "given",
    [
        ("postcode", "agent", "lat", "lon"),
        ("departement", "device", "shop", "shop_km"),
        ("postcode", "device", "lat", "lon"),
    ],
    ids=["raw", "derived", "mixed"],
)
def test_posted_traits_give_the_features_of_training(made: Enriched, given: tuple[str, ...]) -> None:
    """Whether the derived trait is posted or what it is derived from; an outside table's column is posted as it is."""
    plan = made.table.feature_plan
    assert plan is not None
    assert made.table.cutoffs is not None
    moment = made.table.cutoffs.test
    learned = made.table.rows.filter(pl.col("__cutoff") == moment)
    asked = learned[ID].to_list()[:20]
    events, traits = [], []
    for row, customer in enumerate(asked):
        known = made.people.row(by_predicate=pl.col("customer_id") == customer, named=True)
        own = learned.row(by_predicate=pl.col(ID) == customer, named=True)
        posted: dict[str, Json] = {"geo_income": own["geo_income"], "city": known["city"]}
        posted |= {name: own.get(name, known.get(name)) for name in given}
        history = purchases(COUNT).filter(pl.col("customer_id") == customer).drop("customer_id")
        sent = [{"ts": at.isoformat(), "amount": amount} for at, amount in history.iter_rows()]
        body = {"customer_id": customer, "events": sent, "traits": posted, "as_of": moment.isoformat()}
        mine, about, broken = _read(made.compiled, row, body)  # type: ignore[arg-type]  # a body as it is posted
        assert broken == []
        events += mine
        traits += about

    found = _run(made.compiled, events, traits)

    names = [feature.name for feature in made.table.features]
    expected = [learned.row(by_predicate=pl.col(ID) == customer, named=True) for customer in asked]
    assert [found[row] for row in range(len(asked))] == [{name: each[name] for name in names} for each in expected]


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ('on = "postcode"', 'on = "zip"'),
        ('name = "geo"', 'name = "Geo"'),
        ('columns = ["income"]', 'columns = ["wage"]'),
        ('key = "Code"', 'key = "Code"\nas_off = 1'),
    ],
)
def test_a_table_that_cannot_be_joined_is_refused(tmp_path: Path, broken: str, rule: str) -> None:
    """By the key of the file and the rule."""
    file = enriched_case(tmp_path).file
    file.write_text(file.read_text(encoding="utf-8").replace(broken, rule), encoding="utf-8")

    with pytest.raises((UseCaseError, DataError), match=r"zip|enrich\.0\.name|wage|as_off"):
        learning_table(load_log(file))
