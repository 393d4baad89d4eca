"""Several logs of a file: read as they stand, and what does not go together is named with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.config.use_case import LogUseCase, load_use_case
from features.errors import UseCaseError

TILL = 'path = "till.csv"\ncustomer_id = "card"\ntimestamp = "day"\ntype = "purchase"\namount = "total"\n'
WEB = 'path = "web.csv"\ncustomer_id = "user"\ntimestamp = "at"\ntype = { column = "action" }\n'
REST = '[window]\nprediction = "30d"\n[label]\nevent = "%s"\noutcome = "present"\n'


def load(folder: Path, *logs: str, label: str = "purchase", more: str = "") -> LogUseCase:
    """A use case on some logs."""
    file = folder / "case.toml"
    sections = "".join(f"[[events]]\n{log}" for log in logs)
    file.write_text(f'name = "case"\npolarity = "positive"\n{sections}{REST % label}{more}', encoding="utf-8")
    use_case = load_use_case(file)
    assert isinstance(use_case, LogUseCase)
    return use_case


def test_logs_keep_their_order_and_are_called_by_name_or_file(tmp_path: Path) -> None:
    """Paths are absolute in each; a property that two have is one, a measure of a log with a name has the name."""
    web = f'name = "site"\nproperties = ["lang", "page"]\nmeasures = ["seconds"]\n{WEB}'
    case = load(tmp_path, TILL + 'properties = ["lang"]\n', web, TILL.replace("purchase", "order"))

    assert [log.path for log in case.logs] == [tmp_path / name for name in ("till.csv", "web.csv", "till.csv")]
    assert case.log_names == ("till", "site", "till_2")
    assert case.properties == ("lang", "page")
    assert case.measures == ("site_seconds",)
    assert [log.path.name for log in case.label_logs] == ["till.csv"]


@pytest.mark.parametrize(
    ("logs", "label", "message"),
    [
        ((TILL, TILL.replace("till", "shop")), "purchase", r"events\.1\.type: .* give each a name, .*till_purchase"),
        ((TILL, TILL.replace('"purchase"', '"Purchase "')), "purchase", r"events\.1\.type: must be another"),
        (('name = "a"\n' + TILL, 'name = "a"\n' + WEB), "a_purchase", r"events\.1\.name: must be another"),
        (('name = "A b"\n' + TILL, WEB), "purchase", r"events\.0\.name: "),
        ((TILL, WEB.replace("customer_id", "customer")), "purchase", r"events\.1\.customer_id: is required"),
        ((TILL + 'currency = "EUR"\n', WEB + 'currency = "USD"\n'), "purchase", r"events\.1\.currency: .*'EUR'"),
        ((TILL, TILL.replace("purchase", "order")), "visit", r"label\.event must be one of .*'purchase', 'order'"),
        (('name = "till"\n' + TILL,), "purchase", r"label\.event must be the log's only event type 'till_purchase'"),
    ],
    ids=["one type", "one type, spelled otherwise", "one name", "no name", "key", "currencies", "label", "named label"],
)
def test_what_does_not_go_together_is_named(tmp_path: Path, logs: tuple[str, ...], label: str, message: str) -> None:
    """With the number of the log, and how to put it right."""
    with pytest.raises(UseCaseError, match=message):
        load(tmp_path, *logs, label=label)


def test_counts_may_be_of_any_log(tmp_path: Path) -> None:
    """Properties too; what no log has is refused."""
    count = '[[counts]]\nname = "n"\nevent = "%s"\nwhere = { %s = "x" }\n'
    logs = (TILL, TILL.replace("purchase", "order") + 'properties = ["dept"]\n')

    assert load(tmp_path, *logs, more=count % ("order", "dept")).counts[0].event == "order"
    with pytest.raises(UseCaseError, match=r"counts\.0\.where\.lang: .*'dept'.*\n?.*counts\.0\.event: must be one of"):
        load(tmp_path, *logs, more=count % ("visit", "lang"))


def test_an_outside_table_goes_with_profiles(tmp_path: Path) -> None:
    """A table of customers is itself the profiles."""
    with pytest.raises(UseCaseError, match=r"\[\[enrich\]\] goes with \[profiles\]"):
        load(tmp_path, TILL, more='[[enrich]]\npath = "a.csv"\nkey = "zip"\n')
