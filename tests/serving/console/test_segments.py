"""The segments' page: sizes and moves counted by hand, rules in words, and a table to take away."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from scoring.population.days import Day, days_of
from scoring.population.read_days import day_rows
from scoring.segments.assignment import SEGMENTS_FOLDER, SIZES
from tests.serving.console.conftest import LANGUAGES, Open
from tests.support.servers import Server


def members(home: Path, day: Day) -> Mapping[str, set[str]]:
    """Whom each segment holds on a day, by its files."""
    rows = day_rows(home, day).to_pylist()
    codes = ("dormant", "at_risk", "loyal", "promising")
    return {
        code: {row["customer_id"] for row in rows if code in (*row["segment_path"], *row["also"])} for code in codes
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_sizes_and_moves_come_first(server: Server, client: httpx.Client, open_page: Open, language: str) -> None:
    """As counted by hand in the days' files; then labels and rules as the API has them, and a distribution a score."""
    seen = open_page(server, "/console/segments", language=language)
    before, now = (members(server.home, day) for day in days_of(server.home)[-2:])

    for segment in client.get("/v1/segments").json()["segments"]:
        code = segment["code"]
        row = seen.page.locator(f"tr[data-segment={code}]").inner_text()
        parts = [seen.told(f"tr[data-size={code}] [data-part={part}]") for part in ("size", "entered", "left")]
        assert segment["labels"][language] in row
        assert segment["rule"] in row or segment["rule"] == "TRUE"
        assert [int(part) for part in parts] == [
            len(now[code]),
            len(now[code] - before[code]),
            len(before[code] - now[code]),
        ]
    assert (
        seen.page.locator("h2").first.inner_text() == {"en": "Sizes and moves", "fr": "Tailles et mouvements"}[language]
    )
    assert seen.page.locator(".cards:last-child svg.histogram").count() == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_is_taken_away(server: Server, open_page: Open, tmp_path: Path, language: str) -> None:
    """A row a segment with the page's figures, as a French Excel opens it; another form is refused."""
    seen = open_page(server, "/console/segments", language=language)
    with seen.page.expect_download() as saved:
        seen.page.click("a[download]")
    saved.value.save_as(file := tmp_path / saved.value.suggested_filename)
    with file.open(encoding="utf-8-sig", newline="") as content:
        rows = list(csv.reader(content, delimiter=";"))
    sizes = seen.page.locator("tr[data-size] [data-part=size] data").evaluate_all("all => all.map(one => one.value)")
    means = seen.page.locator("table.means thead th").count() - 1

    assert file.name == "segments-2026-03-01.csv"
    assert [row[2] for row in rows[1:]] == sizes
    assert [len(row) for row in rows] == [6 + means] * len(rows)
    assert all(float(cell.replace(",", ".")) >= 0 for row in rows[1:] for cell in row[2:] if cell)
    with server.client() as client:
        assert client.get("/console/segment-table?format=parquet").status_code == 400


@pytest.fixture
def of_the_day(server: Server) -> Iterator[Day]:
    """The latest day, counted last as a run leaves it; what was counted before is put back."""
    file, day = server.home / SEGMENTS_FOLDER / SIZES, days_of(server.home)[-1]
    before = file.read_bytes()
    stated = {"as_of": "2026-03-01", "policy": day.manifest.policy, "snapshot": str(day.folder)}
    file.write_text(json.dumps({**json.loads(before), **stated}))
    yield day
    file.write_bytes(before)


def test_an_audience_is_of_the_day(server: Server, client: httpx.Client, of_the_day: Day) -> None:
    """Its members by the day's own files; none of a day that is too old, or damaged."""
    run_file, part = server.home / "run.toml", of_the_day.parts[0]
    posted = {"segment": "promising", "format": "csv"}
    whom = members(server.home, of_the_day)["promising"]
    written, stood = part.read_bytes(), run_file.read_bytes() if run_file.exists() else None
    page = client.post("/console/segments", data=posted)
    statuses = []
    for file, content in ((run_file, b'[deliver]\nmax_age = "36h"\n'), (part, written[:-8] + bytes(8))):
        try:
            file.write_bytes(content)
            of_the_day.folder.parent.touch()
            statuses.append(client.post("/console/audience", data=posted).status_code)
        finally:
            part.write_bytes(written)
            run_file.unlink(missing_ok=True) if stood is None else run_file.write_bytes(stood)
            of_the_day.folder.parent.touch()

    assert whom
    assert f'data-part="members"><data value="{len(whom)}"' in page.text
    assert statuses == [409, 503]


def test_the_members_of_a_segment_are_one_click_away(server: Server, open_page: Open) -> None:
    """By a use case that has scored some of them."""
    seen = open_page(server, "/console/segments")
    size = int(seen.told("tr[data-size=at_risk] [data-part=size]"))
    seen.page.click("tr[data-size=at_risk] a")

    assert size == int(seen.page.locator("[data-total]").get_attribute("data-total") or "0")
