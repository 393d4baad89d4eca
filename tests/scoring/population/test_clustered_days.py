"""Days of a home whose answers have learned clusters: their columns, who stays, what age and erasure take."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from scoring.answers.policy_proof import read_and_prove
from scoring.answers.served_release import Live, open_live
from scoring.batch.table_answers import score_table
from scoring.population.customer_lists import ListQuery, make_list
from scoring.population.customer_pages import CustomerQuery, QueryError
from scoring.population.days import days_of
from scoring.population.forget import forget_customers, forget_old
from scoring.population.ranked import open_index
from scoring.population.read_days import day_rows
from tests.support.days import made
from tests.support.models import release_shop, shop_rows
from tests.support.segmented import release_habits
from tests.support.stored import table

FIRST, SECOND = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC)
POLICY = """
use_cases = ["churn"]

[[segment]]
code = "regulars"
label = { en = "Regulars", fr = "Habitués" }
rule = "discovered.habits = 'group_1' AND discovered.habits_margin > 0.5"
minimum_stay = "30d"

[[segment]]
code = "others"
label = { en = "Others", fr = "Autres" }
rule = "TRUE"
"""


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a use case and a segmentation."""
    folder, scratch = tmp_path_factory.mktemp("clustered"), tmp_path_factory.mktemp("scratch")
    release_shop(folder, "churn", scratch=scratch, polarity="negative", seed=1)
    release_habits(folder, scratch)
    return folder


@pytest.fixture(scope="module")
def answering(clustered: Path) -> dict[str, Live]:
    """The use case, with the segmentation."""
    return open_live(clustered, ["churn"])


@pytest.fixture(scope="module")
def customers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of sixty customers."""
    file = tmp_path_factory.mktemp("customers") / "customers.parquet"
    table(shop_rows(60, seed=8), [f"c{number}" for number in range(60)]).write_parquet(file)
    return file


def day_frame(home: Path, position: int = -1) -> pl.DataFrame:
    """A day's rows in order of id."""
    found = pl.from_arrow(day_rows(home, days_of(home)[position]))
    assert isinstance(found, pl.DataFrame)
    return found.sort("customer_id")


def test_a_day_has_the_clusters_of_a_batch(answering: dict[str, Live], customers: Path, tmp_path: Path) -> None:
    """To the bit, with why, and without a text."""
    made(tmp_path, answering, customers, FIRST)

    rows = day_frame(tmp_path)
    batch = pl.from_arrow(score_table(answering, pl.read_parquet(customers).to_arrow(), reasons=3))
    assert isinstance(batch, pl.DataFrame)
    columns = [name for name in rows.columns if name.startswith("habits_")]
    assert len(columns) == 3 + 3 * 2
    assert rows.select(columns).equals(batch.sort("customer_id").select(columns))


def test_a_minimum_stay_keeps_members_whose_cluster_changed(
    clustered: Path, answering: dict[str, Live], customers: Path, tmp_path: Path
) -> None:
    """The segment of the day is as its policy says, the cluster as the customer is."""
    policy, _ = read_and_prove(clustered, POLICY)
    moved = tmp_path / "moved.parquet"
    pl.read_parquet(customers).with_columns(days_since_purchase=390.0, purchases_90d=0).write_parquet(moved)
    home = tmp_path / "home"

    made(home, answering, customers, FIRST, policy=policy)
    made(home, answering, moved, SECOND, policy=policy)

    before, after = day_frame(home, 0), day_frame(home)
    members = before["segment"] == "regulars"
    assert members.sum() > 5
    assert (after.filter(members)["segment"] == "regulars").all()
    assert (after["habits_cluster"] != "group_1").all()
    assert (after.filter(~members)["segment"] == "others").all()


def test_age_takes_why_and_erasure_takes_all(answering: dict[str, Live], customers: Path, tmp_path: Path) -> None:
    """Reasons of clusters go with those of scores; of an erased customer there is nothing."""
    made(tmp_path, answering, customers, FIRST)

    forget_customers(tmp_path, ["c2"])
    assert "c2" not in day_frame(tmp_path)["customer_id"].to_list()
    forget_old(tmp_path, date(2026, 3, 20), keep=timedelta(days=35), matured=timedelta(days=90), months=13)

    columns = day_frame(tmp_path).columns
    assert not [name for name in columns if "_reason_" in name]
    assert {"habits_cluster", "habits_cluster_margin", "habits_cluster_next"} <= set(columns)


def test_pages_are_of_a_cluster_where_asked(answering: dict[str, Live], customers: Path, tmp_path: Path) -> None:
    """As many as the day has there; one that nobody is in is refused with those there are."""
    made(tmp_path, answering, customers, FIRST)
    index, rows = open_index(tmp_path), day_frame(tmp_path)

    page = index.page(CustomerQuery("churn", cluster="habits.group_2"), limit=100)

    expected = rows.filter((pl.col("habits_cluster") == "group_2") & (pl.col("churn_status") == "scored"))
    assert {one.customer_id for one in page.customers} == set(expected["customer_id"])
    assert page.total == expected.height > 0
    with pytest.raises(QueryError, match=r"habits\.group_1, habits\.group_2"):
        index.page(CustomerQuery(cluster="habits.group_9"))


def test_lists_are_of_a_cluster_where_asked(answering: dict[str, Live], customers: Path, tmp_path: Path) -> None:
    """In the order of everybody's, and another list to the rules of pressure; one without a cluster is as it was."""
    made(tmp_path, answering, customers, FIRST)
    index = open_index(tmp_path)

    everybody = make_list(tmp_path, index, ListQuery("churn", threshold=1e-9))
    listed = make_list(tmp_path, index, ListQuery("churn", threshold=1e-9, cluster="habits.group_2"))

    rows = day_frame(tmp_path).filter(pl.col("habits_cluster") == "group_2")
    there = set(rows["customer_id"])
    assert 0 < len(listed.customers) < len(everybody.customers)
    assert listed.customers == [one for one in everybody.customers if one.customer_id in there]
    assert everybody.identity.stated.keys() == {"top", "threshold", "segment", "order", "holdout", "salt"}
    assert listed.identity.digest != everybody.identity.digest
    with pytest.raises(QueryError, match=r"habits\.group_1, habits\.group_2"):
        make_list(tmp_path, index, ListQuery("churn", top=3, cluster="habits.group_9"))
