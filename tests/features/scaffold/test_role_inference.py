"""What a file's columns seem to be for is guessed as a reader would, and what cannot be told is left to fill in."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.config.use_case import load_use_case
from features.errors import DataError
from features.scaffold.column_profile import profile_columns
from features.scaffold.role_inference import columns_after_outcome, guess_roles, positive_of
from features.scaffold.use_case_draft import init
from tests.support.worlds import load_log, purchases

N = 60
IDS, TWICE = [f"{i:04d}-X" for i in range(N)], [f"{i // 2:04d}" for i in range(N)]
SIZES = [i * 1.5 for i in range(N)]
NUMBERED = list(range(N))


def either(*values: Any) -> list[Any]:
    """Values in turn, the first more often."""
    return [values[0] if i % 3 == 0 else values[i % len(values)] for i in range(N)]


TABLES: dict[str, tuple[dict[str, list[Any]], tuple[str, str, str | None]]] = {
    "yes and no": (
        {"customerID": IDS, "Senior": either(0, 1), "a": SIZES, "Churn": either("No", "Yes")},
        ("Churn", "Yes", "customerID"),
    ),
    "words": (
        {"CLIENTNUM": NUMBERED, "Attrition_Flag": either("Existing Customer", "Attrited Customer"), "a": SIZES},
        ("Attrition_Flag", "Attrited Customer", "CLIENTNUM"),
    ),
    "minus one and one": ({"cust": NUMBERED, "a": SIZES, "target": either(-1, 1)}, ("target", "1", "cust")),
    "one and two": ({"a": SIZES, "Outcome": either(1, 2)}, ("Outcome", "2", None)),
    "three states": (
        {"Customer ID": IDS, "Gender": either("F", "M"), "Customer Status": either("Stayed", "Joined", "Churned")},
        ("Customer Status", "Churned", "Customer ID"),
    ),
    "French": (
        {"Numéro client": IDS, "a": SIZES, "Résilié": either("Non", "Oui")},
        ("Résilié", "Oui", "Numéro client"),
    ),
    "Portuguese, ids that come back": (
        {"CustomerID": TWICE, "a": SIZES, "cancelou": either(0.0, 1.0)},
        ("cancelou", "1.0", "CustomerID"),
    ),
    "German": (
        {"Kunde": IDS, "Geschlecht": either("w", "m"), "gekündigt": either("nein", "ja"), "Newsletter": either(0, 1)},
        ("gekündigt", "ja", "Kunde"),
    ),
    "an id by its content": ({"msid": IDS, "a": SIZES, "is_churn": either(0, 1)}, ("is_churn", "1", "msid")),
    "rows twice": (
        {"customer_id": TWICE, "a": SIZES, "converted": either(False, True)},
        ("converted", "true", "customer_id"),
    ),
    "a moment too": (
        {
            "user_id": IDS,
            "joined": either("2024-01-01", "2024-05-05"),
            "default": either(0, 1),
            "y": either("no", "yes"),
        },
        ("y", "yes", "user_id"),
    ),
}


@pytest.mark.parametrize(("columns", "roles"), TABLES.values(), ids=TABLES)
def test_a_table_is_told_by_its_label(
    tmp_path: Path, columns: dict[str, list[Any]], roles: tuple[str, str, str | None]
) -> None:
    """The label, the value to predict and the customer's id, by name or by what is in the column."""
    pl.DataFrame(columns).write_csv(tmp_path / "a.csv", separator=";")

    guessed = guess_roles(profile_columns(tmp_path / "a.csv"))

    assert guessed.label is not None
    assert not guessed.is_log
    inferred = (guessed.label.name, positive_of(guessed.label), guessed.customer and guessed.customer.name)
    assert inferred == roles


LOGS: dict[str, tuple[dict[str, list[Any]], tuple[str, str, str | None, str | None, str | None]]] = {
    "a French till": (
        {
            "Ticket": NUMBERED,
            "N° carte": TWICE,
            "Date": [f"{i % 27 + 1}/12/2024 14:05" for i in range(N)],
            "Montant TTC": [f"{i},50" for i in range(N)],
            "Magasin": either("Lyon", "Paris"),
        },
        ("N° carte", "Date", "%d/%m/%Y %H:%M", None, "Montant TTC"),
    ),
    "orders of a marketplace": (
        {
            "order_id": [f"o{i}" for i in range(N)],
            "customer_unique_id": TWICE,
            "order_purchase_timestamp": [f"2018-01-{i % 27 + 1:02} 10:56:33" for i in range(N)],
            "payment_value": SIZES,
        },
        ("customer_unique_id", "order_purchase_timestamp", None, None, "payment_value"),
    ),
    "an invoice's lines": (
        {
            "InvoiceNo": [f"5{i:05d}" for i in range(N)],
            "Quantity": NUMBERED,
            "InvoiceDate": [f"12/{i % 27 + 1}/2010 8:26" for i in range(N)],
            "UnitPrice": SIZES,
            "CustomerID": [None if i % 5 == 0 else f"{17850 + i // 3}.0" for i in range(N)],
        },
        ("CustomerID", "InvoiceDate", "%m/%d/%Y %H:%M", None, None),
    ),
    "clicks": (
        {
            "timestamp": [1433221332117 + i for i in range(N)],
            "visitorid": TWICE,
            "event": either("view", "transaction"),
        },
        ("visitorid", "timestamp", "epoch_ms", "event", None),
    ),
    "a shop": (
        {
            "event_time": [f"2019-10-01 00:00:{i:02d} UTC" for i in range(N)],
            "event_type": either("view", "cart", "purchase"),
            "brand": either("apple", "samsung"),
            "price": SIZES,
            "user_id": TWICE,
        },
        ("user_id", "event_time", None, "event_type", "price"),
    ),
    "subscriptions": (
        {"msno": TWICE, "actual_amount_paid": SIZES, "is_auto_renew": either(0, 1), "transaction_date": [20170228] * N},
        ("msno", "transaction_date", "%Y%m%d", None, "actual_amount_paid"),
    ),
    "a mailing tool": (
        {
            "Adresse e-mail": [f"c{i // 3}@example.com" for i in range(N)],
            "Date d’événement": [f"{i % 28 + 1}/01/2024 10:05:00" for i in range(N)],
            "Événement": either("Ouverture", "Clic"),
        },
        ("Adresse e-mail", "Date d’événement", "%d/%m/%Y %H:%M:%S", "Événement", None),
    ),
    "several moments": (
        {
            "order_id": IDS,
            "customer_id": TWICE,
            "delivered_at": [f"2024-02-{i % 28 + 1:02d}" for i in range(N)],
            "order_purchase_timestamp": [f"2024-01-{i % 28 + 1:02d} 10:00:00" for i in range(N)],
        },
        ("customer_id", "order_purchase_timestamp", None, None, None),
    ),
}


@pytest.mark.parametrize(("columns", "roles"), LOGS.values(), ids=LOGS)
def test_a_log_is_told_by_who_comes_back_when(
    tmp_path: Path, columns: dict[str, list[Any]], roles: tuple[str | None, ...]
) -> None:
    """A column of two values that is not called a label makes no ready table of a log."""
    pl.DataFrame(columns).write_csv(tmp_path / "a.csv", separator="\t")

    guessed = guess_roles(profile_columns(tmp_path / "a.csv"))

    seen = (guessed.customer, guessed.moment, guessed.kind, guessed.amount)
    who, when, kind, amount = (each and each.name for each in seen)
    assert guessed.is_log
    assert (who, when, guessed.moment and guessed.moment.written, kind, amount) == roles


def test_columns_called_like_the_outcome_are_excluded(tmp_path: Path) -> None:
    """A reason for having left is known only of those who left."""
    table = pl.DataFrame(
        {
            "id": IDS,
            "status": either("Stayed", "Churned"),
            "Churn Reason": either(None, "Price"),
            "NB_churn_score_1": SIZES,
            "a": SIZES,
        }
    )
    table.write_parquet(tmp_path / "a.parquet")

    assert columns_after_outcome(guess_roles(profile_columns(tmp_path / "a.parquet"))) == [
        "Churn Reason",
        "NB_churn_score_1",
    ]


@pytest.mark.parametrize(
    ("columns", "empty"),
    [
        ({"household_key": TWICE, "DAY": range(N), "SALES_VALUE": SIZES}, ("events", "timestamp")),
        ({"date": [f"2024-01-{i % 28 + 1:02d}" for i in range(N)], "顧客": TWICE}, ("events", "customer_id")),
        ({"user id": range(N), "nps": SIZES, "tier": either("gold", "silver", "bronze")}, ("table", "label")),
    ],
    ids=["no date", "no customer", "no label"],
)
def test_what_cannot_be_told_is_left_to_fill_in(
    tmp_path: Path, columns: dict[str, list[Any]], empty: tuple[str, str]
) -> None:
    """The key is there and empty, the columns to choose from are listed, and it is said that nothing trains yet."""
    pl.DataFrame(columns).write_csv(tmp_path / "a.csv")

    message = init(tmp_path / "a.csv", tmp_path / "a.toml", force=False)

    text = (tmp_path / "a.toml").read_text(encoding="utf-8")
    section, key = empty
    assert tomllib.loads(text)[section][key] == ""
    assert "FILL IN" in text
    assert all(f'"{name}"' in text for name in columns)
    assert f"Not yet a use case that trains: {section}.{key}" in message


def test_a_first_use_case_of_a_log_fits_its_pace_and_trains(tmp_path: Path) -> None:
    """Four months, day before month, a quarter of the rows without a customer: windows, form and share are written.

    The hint of a count is one once its signs of a comment are gone.
    """
    log = purchases(120, 120, rate=0.1).with_columns(ts=pl.col("ts").dt.strftime("%d/%m/%Y"))
    nobody = log.head(len(log) // 4).with_columns(customer_id=pl.lit(None, pl.String))
    pl.concat([nobody, log]).write_csv(tmp_path / "orders.csv")

    message = init(tmp_path / "orders.csv", tmp_path / "orders.toml", force=False)

    written = tomllib.loads((tmp_path / "orders.toml").read_text())
    assert written["window"]["prediction"] == "14d"
    assert written["events"]["timestamp_format"] == "%d/%m/%Y"
    assert written["quality"]["bad_rows"] > 0.2
    assert "eligible on 2024-04-16" in message
    text = (tmp_path / "orders.toml").read_text()
    hint = text.index("# [[counts]]")
    (tmp_path / "orders.toml").write_text(text[:hint] + text[hint:].replace("\n# ", "\n").removeprefix("# "))
    assert [count.months for count in load_log(tmp_path / "orders.toml").counts] == [(12,)]


@pytest.mark.parametrize("name", ["years_at_company", "YearsAtCompany", "months_as_customer", "basket_per_visitor"])
def test_a_measure_of_people_is_no_customer(tmp_path: Path, name: str) -> None:
    """A number that many rows share is a feature, though its name speaks of people."""
    rows = [f"{at % 40},{at % 7},{'yes' if at % 3 else 'no'}" for at in range(300)]
    (tmp_path / "a.csv").write_text("\n".join([f"{name},visits,churn", *rows]) + "\n")

    init(tmp_path / "a.csv", tmp_path / "a.toml", force=False)

    assert "customer_id" not in tomllib.loads((tmp_path / "a.toml").read_text())["table"]


def test_the_two_best_labels_are_offered(tmp_path: Path) -> None:
    """Called like an outcome first; the other as a comment and in a printed line."""
    rows = [f"c{at},{at % 2},{at % 7},{at % 3 // 2}" for at in range(300)]
    (tmp_path / "a.csv").write_text("\n".join(["client,active_cust,visits,relocated", *rows]) + "\n")

    printed = init(tmp_path / "a.csv", tmp_path / "a.toml", force=False)

    assert tomllib.loads((tmp_path / "a.toml").read_text())["table"]["label"] == "active_cust"
    assert '# or "relocated"' in (tmp_path / "a.toml").read_text()
    assert "the label may as well be 'relocated'" in printed


def test_a_log_whose_months_have_names_and_years_two_digits_is_dated(tmp_path: Path) -> None:
    """`14-Jan-15`, as spreadsheets write it: the form is drafted, with the day first."""
    log = purchases(80, 120, rate=0.1).with_columns(ts=pl.col("ts").dt.strftime("%d-%b-%y"))
    log.write_csv(tmp_path / "orders.csv")

    printed = init(tmp_path / "orders.csv", tmp_path / "orders.toml", force=False)

    assert tomllib.loads((tmp_path / "orders.toml").read_text())["events"]["timestamp_format"] == "%d-%B-%y"
    assert "bad rows: 0 of" in printed


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("1808,21-07-2015,fruit\n2552,05-01-2015,milk\n", True),
        ("760\t25\t2009-11-06\n860\t50\t2012-09-28\n", True),
        ("client,2019,date\n760,25,2009-11-06\n860,50,2012-09-28\n", False),
    ],
    ids=["a text too", "values alone", "one year as a name"],
)
def test_a_file_without_names_of_columns_is_noted(tmp_path: Path, text: str, noted: bool) -> None:
    """Its first row would be lost as the header."""
    (tmp_path / "a.csv").write_text(text)

    printed = init(tmp_path / "a.csv", tmp_path / "a.toml", force=False)

    assert ("the first line reads like a row" in printed) == noted


def test_what_is_excluded_for_its_name_is_noted_and_what_was_before_is_kept(tmp_path: Path) -> None:
    """A look at the name alone is a guess; earlier cancellations are known before the next one."""
    rows = [f"c{at},{'Gone,Gold' if at % 3 else 'Here,Blue'},{at % 7}" for at in range(300)]
    head = "client,churned,churned card,previous churned"
    (tmp_path / "a.csv").write_text("\n".join([head, *rows]) + "\n")

    printed = init(tmp_path / "a.csv", tmp_path / "a.toml", force=False)

    assert tomllib.loads((tmp_path / "a.toml").read_text())["table"]["exclude"] == ["churned card"]
    assert "excluded, for their names speak of the outcome: 'churned card'" in printed


def test_an_amount_with_its_currency_is_one(tmp_path: Path) -> None:
    """As a French till writes it: a decimal comma, a blank between thousands, the sign of the euro behind."""
    paid = [f"1 {at % 900 + 100},{at % 90 + 10} €" for at in range(N)]
    columns = {"N° client": TWICE, "Date d'achat": [f"{at % 28 + 1:02d}/01/2024" for at in range(N)], "Montant": paid}
    pl.DataFrame(columns).write_csv(tmp_path / "a.csv", separator=";")

    guessed = guess_roles(profile_columns(tmp_path / "a.csv"))

    assert guessed.amount is not None
    assert guessed.amount.name == "Montant"


def test_lines_of_orders_are_noted_and_merged(tmp_path: Path) -> None:
    """As shops export them: a row for each article, under the order's number."""
    log = purchases(80, 120, rate=0.1).with_columns(Name=pl.format("#{}", pl.int_range(pl.len()) + 1000))
    pl.concat([log, log.head(len(log) // 2)]).write_csv(tmp_path / "orders.csv")

    printed = init(tmp_path / "orders.csv", tmp_path / "orders.toml", force=False)

    assert tomllib.loads((tmp_path / "orders.toml").read_text())["events"]["order"] == "Name"
    assert "rows share order and moment" in printed


def test_a_file_that_is_not_utf_8_is_told_how_to_become_it(tmp_path: Path) -> None:
    """Exports of older tools are Latin-1, Windows-1252 or UTF-16."""
    (tmp_path / "a.csv").write_bytes("prénom;churn\né;1\n".encode("latin-1"))

    with pytest.raises(DataError, match="iconv -f WINDOWS-1252"):
        init(tmp_path / "a.csv", tmp_path / "a.toml", force=False)


def test_the_texts_that_a_draft_offers_can_be_stated(tmp_path: Path) -> None:
    """Its comments on title, outcome and labels, filled in, are a use case that is read."""
    rows = "".join(f"{n},{'ab'[n % 2]},{'yes' if n % 3 else 'no'}\n" for n in range(200))
    (tmp_path / "people.csv").write_text(f"spent,shop,subscribed\n{rows}")
    init(tmp_path / "people.csv", tmp_path / "people.toml", force=False)
    draft = (tmp_path / "people.toml").read_text(encoding="utf-8")
    offered = [line for line in draft.splitlines() if line.startswith(("# title", "# outcome", "# [labels", "# VALUE"))]

    filled = "\n".join(line.removeprefix("# ") if line in offered else line for line in draft.splitlines())
    (tmp_path / "people.toml").write_text(filled.replace("COLUMN", "shop").replace("VALUE", "a"), encoding="utf-8")
    use_case = load_use_case(tmp_path / "people.toml")

    assert len(offered) == 4
    assert use_case.title is not None
    assert use_case.outcome is not None
    assert use_case.labels["shop"].keys() == {"a"}
