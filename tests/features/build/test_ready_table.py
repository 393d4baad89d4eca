"""Any ready table trains as it is, and the report says what was done to it."""

from __future__ import annotations

import string
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.build.log_table import learning_table
from features.config.use_case import load_use_case
from features.errors import DataError, UseCaseError
from features.spec.data_report import ColumnReport
from features.spec.feature import Feature
from features.tables.learning_table import BOOKKEEPING, LearningTable
from features.tables.target import labels_of
from tests.support.worlds import EXAMPLES, log_case, purchases, shared, table_case, write_use_case

N = 400


def base(n: int = N) -> dict[str, Any]:
    """A number that tells something, and the label."""
    random = np.random.default_rng(7)
    return {"x": random.normal(size=n), "y": ["yes" if flag else "no" for flag in random.random(n) < 0.4]}


def learned(folder: Path, extra: dict[str, Any] | None = None, /, **keys: Any) -> LearningTable:
    """The learning table of the base table with more columns."""
    return learning_table(table_case(folder, pl.DataFrame({**base(), **(extra or {})}, strict=False), **keys))


def feature(table: LearningTable, name: str) -> Feature:
    """A feature by name."""
    return next(each for each in table.features if each.name == name)


def reported(table: LearningTable, name: str) -> ColumnReport:
    """What the report says of a column."""
    return next(column for column in table.report["columns"] if column["name"] == name)


def cycle(*values: Any, n: int = N) -> list[Any]:
    """These values over and over."""
    return [values[i % len(values)] for i in range(n)]


@pytest.mark.parametrize(
    ("cells", "kind", "read"),
    [
        (cycle(" 12 ", "7.5", "", "1e3"), "number", [12.0, 7.5, None, 1000.0]),
        (cycle("12,5", "7", "8,25", "NA"), "number", [12.5, 7.0, 8.25, None]),
        (cycle("1,200", "7", "8,250.5", "2"), "number", [1200.0, 7.0, 8250.5, 2.0]),
        (["x", *cycle("1", "2", "3")[1:]], "number", [None, 2.0, 3.0, 1.0]),
        (cycle(1, 5, None, 9), "integer", [1, 5, None, 9]),
        (cycle(1.5, float("nan"), float("inf"), 2.0), "number", [1.5, None, None, 2.0]),
        (cycle(1e300, 1.0, 2.0, 3.0), "number", [None, 1.0, 2.0, 3.0]),
        (cycle(True, False, None, True), "boolean", [True, False, None, True]),
        (cycle("Paris", " paris", "Paris", "Lyon"), "category", ["Paris", "Paris", "Paris", "Lyon"]),
        (cycle("yes", "Y", "no", "FALSE"), "category", ["yes", "yes", "no", "no"]),
        (cycle("oui", "non", "oui", "oui"), "category", ["oui", "non", "oui", "oui"]),
        (cycle("a", "", "  ", "b"), "category", ["a", None, None, "b"]),
    ],
    ids=[
        "numbers as text",
        "decimal comma",
        "thousands",
        "a stray word",
        "integers",
        "NaN",
        "beyond float32",
        "booleans",
        "spellings",
        "yes and no",
        "oui and non",
        "blanks",
    ],
)
def test_a_column_is_read_as_what_it_is(tmp_path: Path, cells: list[Any], kind: str, read: list[Any]) -> None:
    """Type and cells; what is unreadable or blank is null."""
    table = learned(tmp_path, {"column": cells})

    assert feature(table, "column").type == kind
    assert table.rows["column"].head(4).to_list() == read


@pytest.mark.parametrize(
    "cells",
    [
        cycle("2024-01-31", "2024-02-29", ""),
        cycle("2024-01-31T00:00:00Z", "2024-02-29T01:00:00+01:00", None),
        cycle(date(2024, 1, 31), date(2024, 2, 29), None),
        cycle(datetime(2024, 1, 31), datetime(2024, 2, 29), None),
    ],
    ids=["text", "text with zone", "dates", "datetimes"],
)
def test_dates_are_moments_in_utc(tmp_path: Path, cells: list[Any]) -> None:
    """Text, dates and datetimes give the same moments."""
    rows = learned(tmp_path, {"when": cells}).rows

    assert rows["when"].dtype == pl.Datetime("us", "UTC")
    assert rows["when"].head(3).dt.replace_time_zone(None).to_list() == [
        datetime(2024, 1, 31),
        datetime(2024, 2, 29),
        None,
    ]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (cycle(None), "empty"),
        (cycle(" "), "empty"),
        (cycle(3), "constant"),
        (cycle("same", "Same "), "constant"),
        ([f"free text number {i}" for i in range(N)], "free text or an identifier"),
        (list(range(1000, 1000 + N)), "numbers the rows"),
        ([str(number) for number in range(N)], "numbers the rows"),
        (cycle([1], [2]), "cannot read"),
    ],
    ids=[
        "null",
        "blank",
        "constant",
        "constant spelled twice",
        "free text",
        "row number",
        "row number as text",
        "lists",
    ],
)
def test_a_useless_column_is_dropped_and_said_why(tmp_path: Path, cells: list[Any], why: str) -> None:
    """What cannot tell customers apart, or tells every one apart, is no feature."""
    table = learned(tmp_path, {"column": cells})

    assert "column" not in table.rows.columns
    assert reported(table, "column")["role"] == "dropped"
    assert why in (reported(table, "column")["dropped"] or "")


def test_of_two_equal_columns_the_first_stays(tmp_path: Path) -> None:
    """Equal content, whatever the names; the report names the twin."""
    table = learned(tmp_path, {"again": base()["x"], "other": base()["x"] + 1})

    assert [each.name for each in table.features] == ["x", "other"]
    assert reported(table, "again")["dropped"] == "it has the same content as 'x'"


def test_rare_levels_count_as_other(tmp_path: Path) -> None:
    """Of 2,000 levels those with 20 rows, or a thousandth, have a place of their own, the most frequent first."""
    random = np.random.default_rng(7)
    n = 12_000
    ranks = np.minimum((random.pareto(0.6, n) * 3).astype(int), 1999)
    frame = pl.DataFrame({**base(n), "town": [f"town {i}" for i in ranks]})

    table = learning_table(table_case(tmp_path, frame))

    counts = frame["town"].value_counts().filter(pl.col("count") >= 20)
    levels = feature(table, "town").levels
    assert set(levels) <= set(counts["town"])
    assert len(levels) == min(250, len(counts))
    assert levels[0] == frame["town"].value_counts(sort=True)["town"][0]
    assert table.rows["town"].n_unique() == frame["town"].n_unique()
    assert any("count as other" in done for done in reported(table, "town")["done"])


def test_yes_and_no_have_many_spellings(tmp_path: Path) -> None:
    """A posted Y, TRUE or 1 means yes to a column that was learned from several spellings."""
    both = feature(learned(tmp_path, {"flag": cycle("Y", "yes", "N", "no")}), "flag")

    assert set(both.levels) == {"yes", "no"}
    assert (both.spellings["true"], both.spellings["1"], both.spellings["n"]) == ("yes", "yes", "no")


@pytest.mark.parametrize(
    ("positive", "cells"),
    [
        (1, [1, 0, 1.0, None]),
        (1, ["1", "0", "1.0", " "]),
        (1, [True, False, True, None]),
        (True, ["true", "FALSE", "True", None]),
        (True, [1, 0, 1, None]),
        ("1", [1, 2, 1, None]),
        (1.0, ["1", "yes", " 1 ", ""]),
        ("yes", ["yes", "no", " yes ", None]),
        ("Yes", ["yes", "No", "YES ", None]),
        ("oui ✓", ["oui ✓", "non ✓", "OUI ✓ ", None]),
        ("1", ["1", "0", "1.0", "NULL"]),
        ("yes", ["yes", "none", "Yes", "N/A"]),
        (1, ["1", "2", "1", "?"]),
        ("unknown", ["Unknown", "known", "unknown", "?"]),
    ],
)
def test_a_label_is_compared_by_value(positive: Any, cells: list[Any]) -> None:
    """Numbers and booleans by value, else text whatever its case; nothing, and a word for nothing, is no label."""
    assert labels_of(pl.Series(cells, strict=False), positive).to_list() == [1, 0, 1, None]


def test_null_labels_are_dropped_and_counted(tmp_path: Path) -> None:
    """A row without label is no example."""
    labels = [None if i < 30 else label for i, label in enumerate(base()["y"])]

    table = learned(tmp_path, {"y": labels})

    assert len(table.rows) == N - 30
    assert table.report["null_labels_dropped"] == 30
    assert table.rows["__customer_id"][0] == "31"


@pytest.mark.parametrize("labels", [cycle("no"), cycle("yes"), ["yes"] * 19 + ["no"] * (N - 19)])
def test_too_few_of_a_class_are_refused(tmp_path: Path, labels: list[str]) -> None:
    """The message names the column and the rule."""
    with pytest.raises(DataError, match=r"column 'y'.*got|at least 20 .*column 'y'"):
        learned(tmp_path, {"y": labels})


def test_equal_rows_stay_together(tmp_path: Path) -> None:
    """Exact duplicates are kept, counted, and share a group; others do not."""
    frame = pl.DataFrame(base())
    doubled = pl.concat([frame, frame.head(50)])

    table = learning_table(table_case(tmp_path, doubled))

    assert table.report["duplicate_rows"] == 50
    assert table.rows["__group"].head(50).equals(table.rows["__group"].tail(50))
    assert table.rows["__group"].n_unique() == N


def test_rows_that_very_many_repeat_are_dealt_one_by_one(tmp_path: Path) -> None:
    """A table of one yes-or-no column is no table of two customers: it is counted as it is, and can be split."""
    frame = pl.DataFrame({"member": cycle(True, False, False), "y": base()["y"]})

    table = learning_table(table_case(tmp_path, frame))

    assert table.report["duplicate_rows"] == N - frame.n_unique()
    assert table.rows["__group"].n_unique() == N


def test_a_customer_stays_together(tmp_path: Path) -> None:
    """With an id, rows are grouped by it, whatever their content."""
    table = learned(tmp_path, {"Kunde Nr": cycle(*range(100))}, customer_id="Kunde Nr")

    assert table.rows["__group"].n_unique() == 100
    assert table.rows["__customer_id"].head(2).to_list() == ["0", "1"]
    assert [each.name for each in table.features] == ["x"]


def notes_of(table: LearningTable) -> dict[str, Any]:
    """The figures of the data report's notes, by rule."""
    return {note["rule"]: note["figures"] for note in table.report["notes"]}


def test_customers_who_come_again_are_said(tmp_path: Path) -> None:
    """Rows of one id, alike or not, are noted with their customers; copies of a row are counted beside an id too."""
    frame = pl.DataFrame({"client": [f"c{row}" for row in range(N)], **base()})
    once, again = (
        learning_table(table_case(tmp_path, rows, customer_id="client")) for rows in (frame, pl.concat([frame] * 4))
    )

    assert once.report["duplicate_rows"] == 0
    assert notes_of(once) == {}
    assert again.report["duplicate_rows"] == 3 * N
    assert notes_of(again) == {
        "repeated": {"rows": 3 * N},
        "repeated_customers": {"rows": 4 * N, "customers": N, "column": "client"},
    }
    assert again.rows["__group"].n_unique() == N


def test_a_column_that_seems_to_name_customers_keeps_them_together(tmp_path: Path) -> None:
    """Three rows a customer without `customer_id`: the note names the column, and a customer is on one side."""
    table = learned(tmp_path, {"CustomerID": [f"c{row // 3}" for row in range(N)]})

    customers = -(-N // 3)
    assert notes_of(table) == {"unnamed_customers": {"rows": N, "customers": customers, "column": "CustomerID"}}
    assert table.rows["__group"].n_unique() == customers
    assert table.rows["__group"][0] == table.rows["__group"][2]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("customer_id", [f"c{row}" for row in range(N)]),  # nobody comes again
        ("member", cycle("yes", "no")),  # a trait, not a name
        ("segment", cycle(*range(100))),  # no customers' name
        ("users", cycle(*range(100))),
        ("client", [*(None for _ in range(10)), *(f"c{row // 3}" for row in range(N - 10))]),
    ],
)
def test_other_columns_group_nothing(tmp_path: Path, name: str, values: list[Any]) -> None:
    """Ids of one row each, traits, and columns with gaps leave every row by itself."""
    table = learned(tmp_path, {name: values})

    assert notes_of(table) == {}
    assert table.rows["__group"].n_unique() == N


@pytest.mark.parametrize(
    "values",
    [
        [date(2024, 1, 1) + timedelta(days=i) for i in range(N)],
        [f"{date(2024, 1, 1) + timedelta(days=i)}" for i in range(N)],
        [float(i) for i in range(N)],
        [str(i) for i in range(N)],
    ],
    ids=["dates", "dates as text", "numbers", "numbers as text"],
)
def test_order_by_orders_and_is_no_feature(tmp_path: Path, values: list[Any]) -> None:
    """Its values sort the rows in time, and the report says that it is no feature."""
    table = learned(tmp_path, {"when": values}, order_by="when")

    assert table.rows["__order"].is_sorted()
    assert table.rows["__order"].null_count() == 0
    assert "when" not in table.rows.columns
    assert reported(table, "when")["role"] == "order_by"


def test_names_may_be_anything(tmp_path: Path) -> None:
    """Blanks, quotes, keywords, our own words and names that differ in case only are names like others."""
    names = [
        "label",
        "customer_id",
        "eligible",
        "select",
        "Select",
        'say "hi"',
        "préférence ✓",
        "a b",
        "0",
        "c1",
        "count",
        "y ",
    ]
    random = np.random.default_rng(3)
    extra = {name: random.normal(size=N) for name in names}

    table = learned(tmp_path, extra)

    assert [each.name for each in table.features] == ["x", *names]
    for name in names:
        assert np.array_equal(table.rows[name].to_numpy(), extra[name])


def test_our_own_names_are_not_taken(tmp_path: Path) -> None:
    """A column with a name of our bookkeeping, or with none, is dropped and said."""
    table = learned(tmp_path, {"__label": np.arange(N) * 1.5, " ": np.arange(N) * 2.5})

    assert table.rows.columns == ["__customer_id", "__cutoff", "__order", "x", "__label", "__group"]
    assert set(table.rows["__label"]) == {0, 1}
    assert reported(table, "__label")["dropped"] == "its name is kept for bookkeeping"
    assert reported(table, " ")["dropped"] == "it has no name"


@pytest.mark.parametrize("key", ["exclude", "forbid", "what_if"])
def test_a_name_that_is_not_in_the_table_is_a_use_case_error(tmp_path: Path, key: str) -> None:
    """A typing error in the file must not pass silently."""
    pl.DataFrame(base()).write_parquet(tmp_path / "table.parquet")
    sections: dict[str, Any] = {"table": {"path": "table.parquet", "label": "y", "positive": "yes"}}
    if key == "exclude":
        sections["table"]["exclude"] = ["durration"]
    else:
        sections |= {"reasons": {"forbid": ["durration"]}} if key == "forbid" else {"what_if": {"durration": [1, 2]}}

    with pytest.raises(UseCaseError, match=r"durration"):
        learning_table(load_use_case(write_use_case(tmp_path, sections)))


@pytest.mark.parametrize("keys", [{"label": "z"}, {"customer_id": "z"}, {"order_by": "z"}], ids=str)
def test_a_column_that_is_not_there_is_named(tmp_path: Path, keys: dict[str, str]) -> None:
    """The file, the column, and what there is."""
    with pytest.raises(DataError, match=r"table.parquet: column 'z' must be in the file, whose columns are 'x', 'y'"):
        learned(tmp_path, **keys)


def test_a_csv_is_the_same_table(tmp_path: Path) -> None:
    """Read from text, numbers and levels are the same."""
    frame = pl.DataFrame({**base(), "town": cycle("Paris", "Lyon", None), "n": cycle(1, 2, None)})
    frame.write_csv(tmp_path / "table.csv", separator=";")
    expected = learning_table(table_case(tmp_path, frame)).rows

    table = learning_table(table_case(tmp_path, frame, path="table.csv")).rows

    assert table.drop("__group", "n").equals(expected.drop("__group", "n"))
    assert table["n"].equals(expected["n"].cast(pl.Float64))


def test_the_bank_example_is_read_whole() -> None:
    """45,211 rows, 15 features, names and units from the file, `duration` excluded."""
    table = learning_table(load_use_case(EXAMPLES / "bank/term-deposit.toml"))

    assert (len(table.rows), len(table.features)) == (45_211, 15)
    assert feature(table, "age").names == {"fr": "Âge", "en": "Age"}
    assert feature(table, "age").unit == "years"
    assert reported(table, "duration")["role"] == "excluded"


def test_the_iranian_table_has_300_duplicates(tmp_path: Path) -> None:
    """Counted, kept, and grouped."""
    frame = pl.read_parquet(shared("iranian_churn.parquet"))

    table = learning_table(table_case(tmp_path, frame, label="churn", positive=1))

    assert table.report["duplicate_rows"] == 300
    assert len(table.rows) == 3150


cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(alphabet=string.printable + "éß✓", max_size=8),
    st.dates(),
    st.datetimes(),
).map(lambda value: value)


@settings(
    max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate)
)
@given(pool=st.lists(cells, min_size=1, max_size=30), as_text=st.booleans())
def test_any_column_trains(pool: list[Any], as_text: bool) -> None:
    """Whatever a column holds, the table is made, and each feature keeps its schema."""
    values = [pool[i % len(pool)] for i in range(N)]
    column = [None if value is None else str(value) for value in values] if as_text else _alike(values)

    with tempfile.TemporaryDirectory() as folder:
        table = learned(Path(folder), {"anything": column})

    assert table.rows.columns[0:1] == ["__customer_id"]
    assert set(table.rows.columns) == {*BOOKKEEPING, *(each.name for each in table.features)}
    assert reported(table, "anything")["role"] in ("feature", "dropped")


def _alike(values: list[Any]) -> list[Any]:
    """The values of the first one's type that a column can hold."""
    first = next((value for value in values if value is not None), None)
    kept = [value if type(value) is type(first) else None for value in values]
    return [None if isinstance(value, int) and abs(value) >= 2**63 else value for value in kept]


def test_a_log_has_no_ready_table(tmp_path: Path) -> None:
    """Both kinds of use case give the same shape of answer."""
    log, table = learning_table(log_case(tmp_path, purchases())), learned(tmp_path)

    assert log.rows.columns[:3] == table.rows.columns[:3] == list(BOOKKEEPING[:3])
    assert log.rows.columns[-2:] == table.rows.columns[-2:] == ["__label", "__group"]
    assert log.rows.select(BOOKKEEPING).schema == table.rows.select(BOOKKEEPING).schema


def test_labels_that_nobody_knows_are_dropped_and_counted(tmp_path: Path) -> None:
    """A database's NULL is no outcome: the base rate is that of the others."""
    known = [label if row % 3 else ("NULL", "N/A", "?")[row % 9 // 3] for row, label in enumerate(base()["y"])]

    table = learned(tmp_path, {"y": known})

    assert table.report["null_labels_dropped"] == len(range(0, N, 3))
    assert table.report["base_rate"] == pytest.approx(
        sum(label == "yes" for label in known) / (N - len(range(0, N, 3)))
    )


def test_labels_that_are_neither_are_named(tmp_path: Path) -> None:
    """They count as the opposite, and the report says which they are."""
    outcome = [str(int(label == "yes")) for label in base()["y"]]
    outcome[:5] = ["2", "3", "2", "2", "3"]

    notes = learned(tmp_path, {"y": outcome}, positive="1").report["notes"]

    assert [note["figures"] for note in notes if note["rule"] == "further_labels"] == [
        {"rows": 5, "values": "2, 3", "column": "y"}
    ]


def test_two_labels_need_no_note(tmp_path: Path) -> None:
    """Whichever way they are spelled."""
    spelled = [label.upper() if row % 2 else label for row, label in enumerate(base()["y"])]

    assert not any(note["rule"] == "further_labels" for note in learned(tmp_path, {"y": spelled}).report["notes"])


@pytest.mark.parametrize("guest", ["NULL", "nan", "undefined", "0", " n/a"])
def test_guests_of_a_table_are_left_out_and_counted(tmp_path: Path, guest: str) -> None:
    """However many: they are no fault of the data."""
    ids = [guest if row % 4 == 0 else f"c{row}" for row in range(N)]

    table = learned(tmp_path, {"id": ids}, customer_id="id")

    assert len(table.rows) == N - N // 4
    assert table.report["bad_rows"]["rules"] == {"guest_customer_id": N // 4}


def test_a_table_numbered_from_nought_has_a_customer_0(tmp_path: Path) -> None:
    """It is one of a series."""
    assert "0" in learned(tmp_path, {"id": list(range(N))}, customer_id="id").rows["__customer_id"].to_list()
