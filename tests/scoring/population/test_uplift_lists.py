"""A day with the effect of a contact: its columns, its order, and lists that are picked by it."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from scoring.answers.served_release import Live
from scoring.batch.table_answers import score_table
from scoring.population.customer_lists import ListQuery, make_list
from scoring.population.customer_pages import CustomerQuery, QueryError
from scoring.population.days import open_day
from scoring.population.forget import forget_objectors, forget_old
from scoring.population.ranked import DayIndex, open_index
from scoring.population.read_days import day_rows
from scoring.privacy import suppression
from tests.support.days import made, write_customers
from tests.support.uplift import with_uplift


@pytest.fixture(scope="module")
def home(live: dict[str, Live], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a day in which a contact has an effect on both use cases; only to be read."""
    home = tmp_path_factory.mktemp("home")
    effects = {name: with_uplift(served) for name, served in live.items()}
    made(home, effects, write_customers(home / "customers.parquet"))
    return home


@pytest.fixture(scope="module")
def index(home: Path) -> DayIndex:
    """Its index."""
    return open_index(home)


def test_a_day_holds_the_uplift_that_batch_gives(home: Path, live: dict[str, Live], index: DayIndex) -> None:
    """Null where the customer was not scored; the index and its pages have the same."""
    both = {name: with_uplift(served) for name, served in live.items()}
    batch = score_table(both, pq.read_table(home / "customers.parquet"), reasons=3)
    rows = {name: batch.column(f"{name}_uplift").to_pylist() for name in both}
    by_id = dict(zip(batch.column("customer_id").to_pylist(), zip(*rows.values(), strict=True), strict=True))
    day = day_rows(home, index.day)

    assert {one["customer_id"]: tuple(one[f"{n}_uplift"] for n in both) for one in day.to_pylist()} == by_id
    assert None in rows["churn"]
    page = index.page(CustomerQuery(), limit=300).customers
    assert {
        one.customer_id: tuple(one.scores[n].uplift if n in one.scores else None for n in both) for one in page
    } == by_id


@pytest.mark.parametrize(("name", "sign"), [("propensity", -1), ("churn", 1)])
def test_lists_take_those_first_whom_a_contact_changes_for_the_good(
    home: Path, index: DayIndex, name: str, sign: int
) -> None:
    """The highest uplift of a good outcome, the lowest of a bad one; by score it would be others."""
    listed = make_list(home, index, ListQuery(name, top=40))
    likeliest = make_list(home, index, ListQuery(name, top=40, order="-score"))
    everyone = index.page(CustomerQuery(name), limit=300).customers

    best = sorted(everyone, key=lambda one: (sign * (one.scores[name].uplift or 0.0), one.customer_id))
    assert listed.customers == best[:40]
    assert listed.order == "-uplift"
    assert listed.identity.stated["order"] == "-uplift"
    assert {one.customer_id for one in likeliest.customers} != {one.customer_id for one in listed.customers}


def test_an_erasure_and_age_leave_the_effect_and_take_its_reasons(home: Path, tmp_path: Path) -> None:
    """Who stays keeps the order by uplift; reasons of an old day go, those of the effect too."""
    shutil.copytree(home / "population", tmp_path / "population")
    before = make_list(tmp_path, open_index(tmp_path), ListQuery("churn", top=20))
    gone = before.customers[3].customer_id
    suppression.add(tmp_path, [gone])
    forget_objectors(tmp_path, open_index(tmp_path).day)
    after = make_list(tmp_path, open_index(tmp_path), ListQuery("churn", top=19))
    forget_old(tmp_path, date(2026, 6, 1), keep=timedelta(days=35), matured=timedelta(days=35), months=13)
    names = pq.read_schema(open_day(tmp_path / "population" / "2026-03-01").parts[0]).names

    assert after.customers == [one for one in before.customers if one.customer_id != gone]
    assert "churn_uplift" in names
    assert not [name for name in names if "_reason_" in name]


def test_a_day_without_uplift_has_no_such_column_and_order(live: dict[str, Live], tmp_path: Path) -> None:
    """Nothing of it is written, in parts or index, and lists are of the likeliest."""
    day = made(tmp_path, live, write_customers(tmp_path / "customers.parquet"))
    index = open_index(tmp_path)

    assert not [column for column in pq.read_schema(day.parts[0]).names if "uplift" in column]
    assert b"uplift" not in (day.folder / "index.arrow").read_bytes()
    assert make_list(tmp_path, index, ListQuery("churn", top=3)).order == "-score"
    with pytest.raises(QueryError, match="the day has no uplift of the use case"):
        index.ranked(CustomerQuery("churn", order="-uplift"))


def test_a_use_case_may_gain_its_uplift_beside_another(live: dict[str, Live], tmp_path: Path) -> None:
    """Only the lists of the one that has it are picked by it."""
    made(tmp_path, {**live, "churn": with_uplift(live["churn"])}, write_customers(tmp_path / "customers.parquet"))
    index = open_index(tmp_path)

    assert [index.list_order(name) for name in ("churn", "propensity")] == ["-uplift", "-score"]
    with pytest.raises(QueryError):
        index.ranked(CustomerQuery("propensity", order="-uplift"))
