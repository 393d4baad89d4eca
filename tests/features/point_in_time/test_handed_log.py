"""Whatever the engine, the features are the same: every column, its type, and numbers to the bit."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import polars as pl
import pytest

from benchmarks.doors import mailing
from features.config.engine.engine_section import EngineSection
from features.config.use_case import LogUseCase
from features.leakage.perturbation import same_bytes
from features.point_in_time.log_context import open_log_context
from features.sources.duckdb_sql import all_rows
from features.sources.engine import engine
from features.sources.engines.open_engine import feature_engine
from tests.support.edge_log import CUTOFF, edge_case
from tests.support.engines import ADDRESS, stated_engine
from tests.support.postgres import cluster
from tests.support.worlds import EXAMPLES, load_log

FIRST_CUSTOMERS = 600  # of CDNOW


@pytest.fixture(scope="module", params=["postgres", "spark"])
def computing(request: pytest.FixtureRequest) -> Iterator[EngineSection]:
    """A database of this machine, or a cluster of a master and two workers."""
    with stated_engine(str(request.param)) as stated:
        yield stated


def at_the_edges(folder: Path) -> LogUseCase:
    """Odd texts, extreme amounts, clocks and leap days, with all that a log can have."""
    return edge_case(folder)


def small_mailing(folder: Path) -> LogUseCase:
    """The mailing example of 150 people: many types, traits, a measure."""
    return mailing(folder, customers=150, seed=3)["propensity"]


def first_of_cdnow(folder: Path) -> LogUseCase:
    """The first customers of CDNOW."""
    rows = pl.read_parquet(EXAMPLES / "cdnow/transactions.parquet")
    chosen = rows["customer_id"].unique(maintain_order=True).head(FIRST_CUSTOMERS)
    rows.filter(pl.col("customer_id").is_in(chosen.implode())).write_parquet(folder / "transactions.parquet")
    shutil.copy2(EXAMPLES / "cdnow/propensity.toml", folder)
    return load_log(folder / "propensity.toml")


@pytest.mark.parametrize("world", [at_the_edges, small_mailing, first_of_cdnow], ids=lambda world: world.__name__)
def test_an_engine_gives_the_features_that_duckdb_gives(
    computing: EngineSection, tmp_path: Path, world: Callable[[Path], LogUseCase]
) -> None:
    """At the test's cutoff; customers whose features differ would be named by what is odd about them."""
    use_case = world(tmp_path)
    with engine() as backend, feature_engine(backend, computing) as other:
        context = open_log_context(backend, use_case, None)
        moment = context.cutoffs.test
        here = context.features_at(moment)

        there = replace(context, engine=other).features_at(moment)

    assert there.schema == here.schema
    assert {
        name: differing(here, there, name) for name in here.columns if not same_bytes(here[name], there[name])
    } == {}


def differing(here: pl.DataFrame, there: pl.DataFrame, name: str) -> list[str]:
    """The customers whose cells differ."""
    return here.filter(here[name].ne_missing(there[name]))["customer_id"].to_list()


def test_the_odd_customers_stand_in_the_table(tmp_path: Path) -> None:
    """What is odd reaches the features: an edge that is rejected on the way in would show nothing."""
    with engine() as backend:
        rows = open_log_context(backend, at_the_edges(tmp_path), None).features_at(CUTOFF.replace(tzinfo=UTC))

    ids = set(rows["customer_id"])
    assert {
        "most amount",
        "least amount",
        "leap day",
        "long ago",
        "only refunds",
        "é à ç 漢字 🦄",
        "NUL \x00 id",
    } <= ids
    assert "at the cutoff" not in ids
    assert rows["monetary_total"].max() == pytest.approx(4e14)
    assert rows["weight"].null_count() < len(rows)
    assert any(value == 0 and str(value) == "-0.0" for value in rows["weight"])
    assert {name for name in rows.columns if name.startswith(("reactivity", "colours", "unusual", "left_carts"))}


def test_no_id_and_no_text_of_a_profile_goes_over(tmp_path: Path) -> None:
    """What an engine is given are numbers, moments and slugs of levels: it knows nobody."""
    with engine() as backend:
        context = open_log_context(backend, at_the_edges(tmp_path), None)
        seen = Onlooker(backend)

        with pytest.raises(StoppedError):
            replace(context, engine=seen).features_at(CUTOFF.replace(tzinfo=UTC))

        texts = {
            (name, column): all_rows(backend, f'SELECT DISTINCT "{column}" FROM {name}')  # noqa: S608  names are ours
            for name, table in seen.given.items()
            for column, kind in table.schema().items()
            if kind.is_string()
        }
    assert set(texts) == {("penchant_given_events", "p0")}
    assert {row[0] for row in texts["penchant_given_events", "p0"]} >= {"mode_ete", "a", "a_2", "istanbul", None}


class StoppedError(Exception):
    """The onlooker has seen enough."""


class Onlooker:
    """An engine that keeps what it is given in tables of DuckDB, and computes nothing."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.given: dict[str, ir.Table] = {}

    def give(self, name: str, rows: ir.Table) -> ir.Table:
        """Keeps the rows."""
        self.given[name] = self._backend.create_table(name, rows, temp=True)
        return self.given[name]

    def compute(self, name: str, query: ir.Table) -> ir.Table:
        """Stops the job."""
        raise StoppedError(name, len(query.columns))


def test_each_of_several_cutoffs_is_asked_for(tmp_path: Path) -> None:
    """One hand-over serves all cutoffs, and what is made of their rows is made of each."""
    use_case = edge_case(tmp_path)
    with cluster() as database, pytest.MonkeyPatch.context() as patch, engine() as backend:
        patch.setenv(ADDRESS, database.address)
        with feature_engine(backend, EngineSection(kind="postgres", url_env=ADDRESS)) as other:
            context = open_log_context(backend, use_case, None)
            moments = [context.cutoffs.test, datetime(2024, 3, 1, tzinfo=UTC), context.cutoffs.train[0]]

            here = list(context.features_at_each(moments, few))

            there = list(replace(context, engine=other).features_at_each(moments, few))

    assert [len(rows) for rows in here] != [0, 0, 0]
    assert all(one.equals(other) for one, other in zip(here, there, strict=True))


def few(table: ir.Table) -> ir.Table:
    """Customers with two purchases or more."""
    return table.filter(table["achat_es_total"] >= 2)
