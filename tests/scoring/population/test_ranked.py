"""Pages of a day: held against its parts, whatever is asked, and steady while customers are taken out."""

from __future__ import annotations

import contextlib
import functools
import itertools
import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring.answers.served_release import Live
from scoring.population.cursors import Cursor, CursorError, read_cursor
from scoring.population.customer_pages import (
    CustomerQuery,
    CustomersPage,
    DayGoneError,
    NoPopulationError,
    Order,
    QueryError,
    RankedCustomer,
)
from scoring.population.day_index import INDEX, codes_of, write_index
from scoring.population.days import DamagedDayError, Day, days_of
from scoring.population.forget import forget_customers, forget_old, settle_indexes
from scoring.population.ranked import DayIndex, open_index
from scoring.population.read_days import day_rows
from scoring.privacy import suppression
from tests.support.days import DAY, made, released, sealed_anew, write_customers
from tests.support.models import SHOP, release_shop

Rows = list[dict[str, object]]


@pytest.fixture(scope="module")
def home(live: dict[str, Live], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one day; read only."""
    folder = tmp_path_factory.mktemp("home")
    made(folder, live, write_customers(folder / "customers.parquet"))
    return folder


@pytest.fixture
def own(live: dict[str, Live], source: Path, tmp_path: Path) -> Path:
    """A home with one day, of this test alone."""
    made(tmp_path, live, source)
    return tmp_path


def kept(home: Path) -> Rows:
    """The rows of the day in service, from its parts."""
    return pl.DataFrame(day_rows(home, days_of(home)[-1])).to_dicts()


rows_of = functools.cache(kept)  # of a home that stays as it is


def expected(rows: Rows, query: CustomerQuery) -> list[str]:
    """Who is asked for, by a look at every row."""
    name = query.use_case
    found = [row for row in rows if name is None or row[f"{name}_status"] == "scored"]
    if query.segment is not None:
        found = [row for row in found if query.segment in [*row["segment_path"], *row["also"]]]  # type: ignore[misc]  # lists, as Parquet has them
    if query.band is not None:
        found = [row for row in found if row[f"{name}_band"] == query.band]
    if query.reason is not None:
        found = [row for row in found if query.reason in [row[f"{name}_reason_{rank}_code"] for rank in (1, 2, 3)]]
    ids = sorted(found, key=lambda row: str(row["customer_id"]))
    if query.sorted_by != "customer_id":
        ids = sorted(ids, key=lambda row: -float(str(row[f"{name}_probability"])))
        ids = ids if query.sorted_by == "-score" else ids[::-1]
    return [str(row["customer_id"]) for row in ids]


def all_pages(index: DayIndex, ask: Callable[[Cursor | None], CustomersPage]) -> list[str]:
    """The ids of all pages; each says how many there are."""
    found: list[str] = []
    after: Cursor | None = None
    while True:
        page = ask(after)
        found += [one.customer_id for one in page.customers]
        assert len(found) <= page.total
        if page.next is None:
            assert page.total == len(found)
            return found
        after = read_cursor(str(page.next))
        assert after == page.next


ORDERS: tuple[Order | None, ...] = (None, "-score", "score", "customer_id")
QUERIES = st.builds(
    CustomerQuery,
    use_case=st.sampled_from(["churn", "propensity"]),
    segment=st.sampled_from([None, "dormant", "at_risk", "loyal", "promising"]),
    band=st.sampled_from([None, "low", "medium", "high"]),
    reason=st.sampled_from([None, "recency", "monetary", "trait", "frequency"]),
    order=st.sampled_from(ORDERS),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(query=QUERIES, limit=st.integers(1, 400))
def test_every_page_of_every_filter_is_what_the_parts_hold(home: Path, query: CustomerQuery, limit: int) -> None:
    """Each customer once, in order, whatever the size of a page."""
    index = open_index(home)

    assert all_pages(index, lambda after: index.page(query, limit=limit, after=after)) == expected(rows_of(home), query)


def test_a_customer_of_a_page_is_the_row_of_the_day(home: Path) -> None:
    """To the bit, reasons with their features and values; without a use case that is not about them."""
    by_id = {str(row["customer_id"]): row for row in rows_of(home)}
    shown = open_index(home).page(CustomerQuery(), limit=400).customers

    assert len(shown) == len(by_id) == 300
    for one in shown:
        row = by_id[one.customer_id]
        assert one.segment == row["segment"]
        assert one.scores.keys() == {name for name in ("churn", "propensity") if row[f"{name}_status"]}
        for name, score in one.scores.items():
            fields = ("status", "score", "probability", "percentile", "band")
            assert [getattr(score, field) for field in fields] == [row[f"{name}_{field}"] for field in fields]
            for rank, reason in enumerate(score.reasons, 1):
                for field in ("code", "feature", "value", "contribution"):
                    assert getattr(reason, field) == row[f"{name}_reason_{rank}_{field}"]


@given(query=QUERIES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
def test_the_counts_of_every_filter_are_those_of_its_page(home: Path, query: CustomerQuery) -> None:
    """Of each alternative, the other filters as they are; bands add up to those scored."""
    index, rows = open_index(home), rows_of(home)
    counts = index.counts(query)

    def size(**changes: str | None) -> int:
        changed = {name: getattr(query, name) for name in ("use_case", "segment", "band", "reason")} | changes
        return len(expected(rows, CustomerQuery(**changed)))

    assert counts.total == size()
    assert counts.segments == {code: size(segment=code) for code in ("dormant", "at_risk", "loyal", "promising")}
    assert counts.unplaced + sum(counts.segments.values()) == size(segment=None)
    assert counts.bands == {code: size(band=code) for code in ("low", "medium", "high")}
    assert sum(counts.bands.values()) == size(band=None)
    assert counts.reasons == {code: size(reason=code) for code in counts.reasons}


@pytest.mark.parametrize("contains", ["c1", "c29", " 29 ", "c", "c299", "1", "99c", "zz", "", "é"])
def test_a_part_of_an_id_finds_it(home: Path, contains: str) -> None:
    """Blanks around it do not count; what ends in one id and begins in the next is in neither."""
    index = open_index(home)
    ids = sorted(f"c{row}" for row in range(300))

    found = all_pages(index, lambda after: index.search(contains, limit=7, after=after))

    assert found == [one for one in ids if contains.strip() and contains.strip() in one]


def test_whoever_objects_or_is_erased_is_in_no_page_at_once(own: Path) -> None:
    """By the hashes of the index where it has them, by its ids where it was written before there was a key."""
    index_had_hashes = []
    for gone in (["c1"], ["c2", "c3"]):
        suppression.add(own, gone[:1])
        suppression.mark_erased(own, gone[1:], at=1.0)
        index = open_index(own)
        index_had_hashes.append("who" in index.batch.schema.names)

        assert not set(gone) & {one.customer_id for one in index.page(CustomerQuery(), limit=400).customers}
        assert not index.search(gone[0], limit=400).customers or gone[0] not in {
            one.customer_id for one in index.search(gone[0], limit=400).customers
        }
        write_index(own, index.day.folder, index.facts.use_cases)
        sealed_anew(index.day)
    assert index_had_hashes == [False, True]
    assert open_index(own).counts(CustomerQuery()).total == 297
    suppression.remove(own, ["c1"])
    assert open_index(own).counts(CustomerQuery()).total == 298


def test_a_damaged_index_leaves_yesterday_in_service(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """It is refused before it is parsed; where there is no yesterday that is an error that names the day."""
    yesterday = made(tmp_path, live, source)
    today = made(tmp_path, live, source, DAY + timedelta(days=1))
    index = today.folder / INDEX
    content = bytearray(index.read_bytes())
    content[len(content) // 2] ^= 1
    index.write_bytes(content)

    assert open_index(tmp_path).as_of == yesterday.manifest.as_of
    shutil.rmtree(yesterday.folder)
    with pytest.raises(DamagedDayError, match=r"index.arrow of 2026-03-02"):
        open_index(tmp_path)


def test_an_erasure_rewrites_the_index_and_pages_go_on(own: Path) -> None:
    """No byte of the id is left, the others are as they were, and a cursor from before skips and repeats nobody."""
    query = CustomerQuery(use_case="propensity")
    first = open_index(own).page(query, limit=40)
    everyone = [one.customer_id for one in open_index(own).page(query, limit=400).customers]
    gone = [everyone[10], everyone[60]]

    forget_customers(own, gone)

    index = open_index(own)
    rest = index.page(query, limit=400, after=first.next)
    assert [one.customer_id for one in rest.customers] == [one for one in everyone[40:] if one not in gone]
    assert index.page(query, limit=400).total == len(everyone) - 2
    assert expected(kept(own), query) == [one.customer_id for one in index.page(query, limit=400).customers]
    ids = index.batch.column("customer_id").to_pylist()
    assert not set(gone) & set(ids)


def test_the_same_parts_give_the_same_index(home: Path, live: dict[str, Live], tmp_path: Path) -> None:
    """Byte for byte."""
    folder = days_of(home)[0].folder
    twin = tmp_path / "twin"
    twin.mkdir()
    for part in folder.glob("part-*"):
        (twin / part.name).hardlink_to(part)

    write_index(tmp_path, twin, codes_of(live))

    assert (twin / INDEX).read_bytes() == (folder / INDEX).read_bytes()


def test_only_the_last_two_days_have_an_index(live: dict[str, Live], source: Path, tmp_path: Path) -> None:
    """A day that earlier code made gets one, an older one loses it: its cursors are refused then."""
    days: list[Day] = []
    cursors: list[Cursor] = []
    for number in range(3):
        days.append(made(tmp_path, live, source, DAY + timedelta(days=number)))
        page = open_index(tmp_path).page(CustomerQuery(use_case="churn"), limit=5)
        assert page.next
        cursors.append(page.next)
    (days[2].folder / INDEX).unlink()
    manifest = (days[2].folder / "manifest.json").read_text()
    lines = [line for line in manifest.splitlines() if INDEX not in line]
    (days[2].folder / "manifest.json").write_text("\n".join(lines))
    with pytest.raises(NoPopulationError, match="penchant run"):
        open_index(tmp_path)

    settle_indexes(tmp_path, codes_of(live))

    assert [INDEX in day.manifest.files for day in days_of(tmp_path)] == [False, True, True]
    assert (days_of(tmp_path)[2].folder / "manifest.json").read_text() == manifest
    with pytest.raises(DayGoneError, match="begin with the first page"):
        open_index(tmp_path, cursors[0].as_of)
    yesterday = open_index(tmp_path, cursors[1].as_of)
    assert yesterday.as_of == days[1].manifest.as_of
    assert len(yesterday.page(CustomerQuery(use_case="churn"), after=cursors[1]).customers) == 50


def test_a_thinned_day_has_pages_without_reasons(own: Path) -> None:
    """Its index holds none either."""
    forget_old(own, (DAY + timedelta(days=40)).date(), keep=timedelta(35), matured=timedelta(90), months=13)

    index = open_index(own)

    assert not [name for name in index.batch.schema.names if "_reason_" in name]
    shown = index.page(CustomerQuery(use_case="churn"), limit=400)
    assert shown.total > 100
    assert not any(one.scores["churn"].reasons for one in shown.customers)
    assert index.page(CustomerQuery(use_case="churn", reason="recency")).total == 0
    assert not any(index.counts(CustomerQuery(use_case="churn")).reasons.values())


@pytest.mark.parametrize(
    ("query", "broken"),
    [
        (CustomerQuery(use_case="chrun"), {"use_case"}),
        (CustomerQuery(segment="atrisk", band="low", order="score"), {"segment", "band", "order"}),
        (CustomerQuery(use_case="churn", band="Low", reason="x"), {"band", "reason"}),
    ],
)
def test_a_wrong_question_is_refused(home: Path, query: CustomerQuery, broken: set[str]) -> None:
    """Every rule at once, none with what was asked for."""
    with pytest.raises(QueryError) as refused:
        open_index(home).page(query)

    assert refused.value.broken.keys() == broken


def test_a_cursor_is_of_its_list(home: Path) -> None:
    """Another filter, another order or the search has none of its ranks; any other text is none at all."""
    index = open_index(home)
    cursor = index.page(CustomerQuery(use_case="churn"), limit=5).next
    assert cursor

    for query in (CustomerQuery(use_case="propensity"), CustomerQuery(use_case="churn", order="score")):
        with pytest.raises(CursorError, match="same list"):
            index.page(query, after=cursor)
    with pytest.raises(CursorError):
        index.search("c", after=cursor)
    assert index.page(CustomerQuery(use_case="churn", order="-score"), after=cursor).total


@given(st.text(max_size=40))
def test_any_other_text_is_no_cursor(text: str) -> None:
    """It is refused with a sentence, and never with an error of another kind."""
    with contextlib.suppress(CursorError):
        assert str(read_cursor(text)) == text


def test_a_page_looks_at_the_rows_it_needs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more rows are made into customers than it shows, on the last page as on the first."""
    index, shown, whole = open_index(home), list[int](), DayIndex.customers

    def counting(self: DayIndex, rows: Sequence[int]) -> list[RankedCustomer]:
        shown.append(len(rows))
        return whole(self, rows)

    monkeypatch.setattr(DayIndex, "customers", counting)

    all_pages(index, lambda after: index.page(CustomerQuery(use_case="propensity"), limit=50, after=after))

    assert shown[:-1] == list(itertools.repeat(50, len(shown) - 1))


def test_without_a_day_there_is_no_page(tmp_path: Path) -> None:
    """A sentence that says what makes one."""
    with pytest.raises(NoPopulationError, match="penchant run"):
        open_index(tmp_path)


def gaps_of(home: Path) -> dict[str, tuple[int, int]]:
    """How many cells of each customer's own data are missing, of how many, by the rows that were scored."""
    traits = [feature.name for feature in SHOP if feature.family == "trait"]
    rows = pl.read_parquet(home / "customers.parquet").to_dicts()
    return {row["customer_id"]: (sum(row[name] is None for name in traits), len(traits)) for row in rows}


def test_profiles_to_refresh_are_those_with_gaps_the_emptiest_first(home: Path) -> None:
    """Each once, scored or not, page by page; of equals the smaller id; within a segment as many as are counted."""
    index, gaps = open_index(home), gaps_of(home)
    query = CustomerQuery(order="refresh")
    found: list[str] = []
    after: Cursor | None = None
    while True:
        page = index.page(query, limit=7, after=after)
        found += [one.customer_id for one in page.customers]
        assert [(one.missing, one.expected) for one in page.profiles] == [
            gaps[one.customer_id] for one in page.customers
        ]
        after = page.next
        if after is None:
            break
    counts = index.counts(query)

    assert found == sorted((one for one in gaps if gaps[one][0]), key=lambda one: (-gaps[one][0] / gaps[one][1], one))
    assert len(found) == index.to_refresh == page.total == sum(counts.segments.values()) + counts.unplaced
    for code, count in counts.segments.items():
        assert index.page(CustomerQuery(segment=code, order="refresh")).total == count


def test_an_objector_is_no_profile_to_refresh(own: Path) -> None:
    """And whoever stays keeps their place."""
    before = [one.customer_id for one in open_index(own).page(CustomerQuery(order="refresh")).customers]
    suppression.add(own, before[:1])
    forget_customers(own, before[1:2])

    assert [one.customer_id for one in open_index(own).page(CustomerQuery(order="refresh"), limit=48).customers] == (
        before[2:]
    )


def test_a_trait_is_a_cell_of_own_data_in_any_group_and_a_list_is_one(tmp_path: Path) -> None:
    """Profiles put traits in groups of their own; what a list makes several features of is one cell."""
    own = {
        "subscribed": {"family": "firmographic", "subject": "subscribed"},
        "joined on": {"subject": "interests"},
        "canal d'achat": {"subject": "interests"},
    }
    features = [{**msgspec.to_builtins(feature), **own.get(feature.name, {})} for feature in SHOP]
    release_shop(tmp_path, "grouped", scratch=tmp_path, features=features)
    made(tmp_path, released(tmp_path, "grouped"), write_customers(tmp_path / "customers.parquet"))
    rows = {row["customer_id"]: row for row in pl.read_parquet(tmp_path / "customers.parquet").to_dicts()}

    for row in kept(tmp_path):
        source = rows[str(row["customer_id"])]
        missing = sum(source[name] is None for name in ("subscribed", "joined on"))
        assert (row["profile_missing"], row["profile_expected"]) == (missing, 2)
