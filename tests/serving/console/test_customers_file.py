"""A CSV of customers scored in the console: the numbers of the API, errors by row and column, nothing else shown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.console.views.scored_file import MOST_ROWS
from tests.serving.console.conftest import LANGUAGES, Open
from tests.support.barriers import barriers
from tests.support.models import SHOP, shop_rows
from tests.support.servers import Server

PATH = "/console/customers-file"
NAMES = [feature.name for feature in SHOP]


def as_csv(rows: Sequence[Mapping[str, Any]], *, sign: str = ";") -> str:
    """Customers `é0`, `é1` and so on as a spreadsheet saves them."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=sign, lineterminator="\r\n")
    writer.writerow(["customer_id", *NAMES])
    writer.writerows(
        [f"é{n}", *("" if row[name] is None else row[name] for name in NAMES)] for n, row in enumerate(rows)
    )
    return text.getvalue()


def posted(client: httpx.Client, content: str | bytes, language: str = "en") -> httpx.Response:
    """The page of a file."""
    data = content.encode() if isinstance(content, str) else content
    return client.post(f"{PATH}?language={language}", files={"file": ("rows.csv", data, "text/csv")})


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_is_scored_as_the_api_scores_it(
    server: Server, client: httpx.Client, open_page: Open, tmp_path: Path, language: str
) -> None:
    """To the bit, on the page and in the file that is saved; segments, bands and reasons too, whatever Excel wrote."""
    rows = shop_rows(30, seed=8)
    profiles = [{"customer_id": f"é{n}", "features": row} for n, row in enumerate(rows)]
    body = {"profiles": profiles, "reasons": 3, "language": language}
    results = client.post("/v1/scores", json=body).json()["results"]
    file = tmp_path / "rows.csv"
    file.write_text(as_csv(rows), encoding={"en": "utf-8-sig", "fr": "cp1252"}[language], newline="")
    seen = open_page(server, "/console/customer", language=language)
    seen.page.click(f'a[href^="{PATH}"]')
    seen.page.set_input_files("#file", file)
    seen.page.click("form:has(#file) button")
    seen.page.wait_for_selector("[data-rows='30']")
    barred = barriers(seen.page)
    shown = seen.page.locator("[data-row] [data-part=churn] data").evaluate_all("all => all.map(one => +one.value)")
    with seen.page.expect_download() as saved:
        seen.page.click("main .actions button >> nth=1")
    with saved.value.path().open(encoding="utf-8", newline="") as content:
        lines = list(csv.DictReader(content))

    assert barred == []
    scored = [result["scores"]["churn"] for result in results if result["scores"]["churn"]["status"] == "scored"]
    assert shown == [score["probability"] for score in scored]
    assert [line["customer_id"] for line in lines] == [result["customer_id"] for result in results]
    for line, result in zip(lines, results, strict=True):
        assert line["segment"] == (result["segment"] or {"label": ""})["label"]
        for name, score in result["scores"].items():
            assert list(flat(line, name)) == list(answered(score))


def flat(line: Mapping[str, str], name: str) -> Iterator[str]:
    """What a line of the saved file says by a use case."""
    for own in ("score", "probability", "band", *(f"reason_{rank}_text" for rank in (1, 2, 3))):
        yield " ".join(line[f"{name}_{own}"].split())


def answered(score: Mapping[str, Any]) -> Iterator[str]:
    """The same of an answer."""
    if score["status"] != "scored":
        yield from [""] * 6
        return
    yield from (str(score["score"]), str(score["probability"]), score["band"]["label"])
    yield from (" ".join(reason["text"].split()) for reason in score["reasons"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_bad_row_is_named_and_the_others_are_scored(server: Server, client: httpx.Client, language: str) -> None:
    """By its number and the column; no value of a customer stands in a message or in the log."""
    rows = shop_rows(4, seed=8)
    rows[1] |= {"purchases_90d": -987654}
    rows[2] |= {"monetary_365d": "douze"}
    page = posted(client, as_csv(rows) + "é9;1;2\r\n", language).text

    assert 'data-rows="5"' in page
    assert [n for n in range(1, 6) if f'data-broken="{n}"' in page] == [2, 5]
    assert [n for n in range(1, 6) if f'data-doubtful="{n}"' in page] == [3]
    assert "purchases_90d" in page.split('data-broken="2"')[1].split("data-broken")[0]
    assert "monetary_365d" in page.split('data-doubtful="3"')[1].split("</div>")[0]
    for value in ("987654", "douze"):
        assert value not in page
        assert value not in server.written()


def lacking(rows: Sequence[Mapping[str, Any]]) -> str:
    """A file without a column."""
    return as_csv(rows).replace("purchases_90d", "bought")


REFUSED = [
    (as_csv(shop_rows(1)) * (MOST_ROWS + 1), "1000"),
    (as_csv(shop_rows(1)).encode() + b"x" * (2 << 20), "2"),
    (lacking(shop_rows(2)), "purchases_90d"),
    (as_csv([]), "en-tête"),
    ("", "en-tête"),
    (b"PK\x03\x04" + b"\x00" * 50, "CSV"),
    (b"\x1f\x8b" + b"a" * 50, "CSV"),
    ('{"profiles": []}', "CSV"),
]


@pytest.mark.parametrize(("content", "part"), REFUSED, ids=range(len(REFUSED)))
def test_a_file_that_is_none_of_customers_is_refused(client: httpx.Client, content: str | bytes, part: str) -> None:
    """In a sentence of the language that names the rule, with the form to try again."""
    answer = posted(client, content, "fr")
    alert = answer.text.split('role="alert"')[1].split("</div>")[0]

    assert answer.status_code == 422
    assert part in alert.replace("\u202f", "")
    assert 'id="file"' in answer.text


def test_the_example_file_is_scored_as_it_stands(client: httpx.Client) -> None:
    """What is offered to start from works."""
    example = client.get("/console/example-file?use_case=churn")
    page = posted(client, example.content).text

    assert 'filename="churn-example.csv"' in example.headers["content-disposition"]
    assert 'data-rows="1"' in page
    assert "data-broken" not in page
    assert client.get("/console/example-file?use_case=nobody").status_code == 404
