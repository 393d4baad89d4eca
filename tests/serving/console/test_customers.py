"""The customers' page of a day: filters count right, pages hold everybody once, an id is found by a part of it."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scoring.population.days import days_of
from scoring.population.read_days import day_rows
from serving.auth.api_keys import add_key
from tests.serving.console.conftest import LANGUAGES, Open, running
from tests.support.barriers import barriers
from tests.support.servers import Server
from tests.support.shop import ACTION

PATH = "/console/customers"


def scored(home: Path, use_case: str) -> set[str]:
    """Whom the day in service scored, by its files."""
    rows = day_rows(home, days_of(home)[-1]).to_pylist()
    return {row["customer_id"] for row in rows if row[f"{use_case}_status"] == "scored"}


def total(text: str) -> int:
    """How many the page says are in the list."""
    return int(re.findall(r'data-total="(\d+)"', text)[0])


def shown(text: str) -> list[str]:
    """The ids on a page."""
    return re.findall(r'data-customer="([^"]*)"', text)


def choices(text: str, name: str) -> dict[str, int]:
    """A filter's values, and how many customers each says it leaves."""
    select = re.findall(rf'<select id="{name}".*?</select>', text, re.DOTALL)[0]
    return {code: int(count) for code, count in re.findall(r'value="([^"]+)" data-count="(\d+)"', select)}


def pages(client: httpx.Client, query: str) -> Iterator[str]:
    """A list's pages from the first to the last, by the link on each."""
    path: str | None = f"{PATH}?{query}"
    while path:
        text = client.get(path).text
        yield text
        following = re.findall(r'rel="next" href="([^"]+)"', text)
        path = following[0].replace("&amp;", "&") if following else None


@pytest.mark.parametrize("use_case", ["churn", "propensity"])
@pytest.mark.parametrize("name", ["segment", "band", "reason"])
def test_each_filter_leaves_as_many_as_it_says(home: Path, client: httpx.Client, use_case: str, name: str) -> None:
    """Bands part the scored customers, and so do the segments of one level."""
    everybody = client.get(f"{PATH}?use_case={use_case}").text
    counts = choices(everybody, name)

    assert total(everybody) == len(scored(home, use_case))
    for code, count in counts.items():
        assert total(client.get(f"{PATH}?use_case={use_case}&{name}={code}").text) == count
    assert name != "band" or sum(counts.values()) == total(everybody)


@pytest.mark.parametrize("order", ["-score", "score", "customer_id"])
def test_pages_hold_everybody_once(home: Path, client: httpx.Client, order: str) -> None:
    """In the order asked for, which the other way round is the same list backwards."""
    listed = [customer for text in pages(client, f"use_case=churn&order={order}") for customer in shown(text)]

    assert len(listed) == len(set(listed))
    assert set(listed) == scored(home, "churn")
    if order == "score":
        falling = [customer for text in pages(client, "use_case=churn&order=-score") for customer in shown(text)]
        assert listed == falling[::-1]
    if order == "customer_id":
        assert listed == sorted(listed)


def test_filters_that_are_no_more_are_explained(client: httpx.Client) -> None:
    """A link that was kept opens a page with the way back, not an error."""
    for query in ("segment=gone", "use_case=churn&band=gone", "cursor=AAAA", "reason=gone&order=sideways"):
        answer = client.get(f"{PATH}?{query}&language=en")
        assert answer.status_code == 200
        assert "This list is not there any more" in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_customer_is_found_by_a_part_of_the_id(server: Server, open_page: Open, language: str) -> None:
    """Blanks around it do not count; it stands in no address; from the list a click opens the customer."""
    seen = open_page(server, "/console/", language=language)
    seen.page.click(f'nav a[href^="{PATH}"]')
    seen.page.fill("#contains", "  29 ")
    seen.page.click("form:has(#contains) button")
    seen.page.wait_for_selector("[data-total]")
    found = seen.page.locator("[data-customer]").evaluate_all("rows => rows.map(row => row.dataset.customer)")

    assert sorted(found) == sorted(["c129", "c229", "c29", *(f"c29{digit}" for digit in range(10))])
    assert "29" not in seen.page.url.removeprefix(server.url)
    seen.page.click("[data-customer=c29] button")
    assert seen.page.locator("h1").inner_text() == "c29"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_says_why_in_words(client: httpx.Client, language: str) -> None:
    """Three sentences a customer, those that the API gives for the same values."""
    text = client.get(f"{PATH}?use_case=churn&language={language}").text
    row = text[text.index("data-customer=") :].split("</tr>")[0]

    assert len(re.findall(r'class="small (?:good|poor)"', row)) == 3
    assert "None" not in row


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_list_is_taken_away_in_six_clicks(
    server: Server, home: Path, open_page: Open, tmp_path: Path, language: str
) -> None:
    """From the first page: the likeliest who agreed, a part held out, as a file that a French Excel opens right."""
    seen = open_page(server, "/console/", language=language)
    seen.page.click(f'nav a[href^="{PATH}"]')
    seen.page.fill("#top", "60")
    seen.page.fill("#holdout", "20")
    seen.page.click("form:has(#top) button")
    seen.page.wait_for_selector("[data-list=churn]")
    written, held_out = (int(seen.told(f"[data-part={part}]")) for part in ("written", "holdout"))
    assert barriers(seen.page) == []
    with seen.page.expect_download() as saved:
        seen.page.click("[data-list] button")
    saved.value.save_as(file := tmp_path / saved.value.suggested_filename)
    with file.open(encoding="utf-8-sig", newline="") as content:
        rows = list(csv.DictReader(content, delimiter=";"))
    campaign = json.loads((home / "campaigns" / file.stem[-12:] / "campaign.json").read_bytes())
    scores = {row["customer_id"]: row["churn_score"] for row in day_rows(home, days_of(home)[-1]).to_pylist()}

    assert written + held_out == 60
    assert held_out > 0
    assert (
        [campaign["arms"][arm]["n"] for arm in ("treated", "held_out")] == [written, held_out] == [len(rows), held_out]
    )
    assert all(int(row["customer_id"][1:]) % 2 for row in rows)  # who agreed
    assert {row["customer_id"]: float(row["churn_score"].replace(",", ".")) for row in rows}.items() <= scores.items()
    assert {row["churn_band"] for row in rows} <= {"en": {"Low", "Medium", "High"}, "fr": {"Faible", "Moyen", "Élevé"}}[
        language
    ]
    assert {row["action"] for row in rows} <= {"", ACTION[language]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_list_says_what_to_do_next(client: httpx.Client, language: str) -> None:
    """With those of the band that states it, and with no others; nobody is held out, so that chance has no say."""
    form = {"use_case": "churn", "top": "60", "holdout": "0", "format": "csv"}
    text = client.post(f"/console/list?language={language}", data=form).content.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    high = {"en": "High", "fr": "Élevé"}[language]

    assert {row["action"] for row in rows if row["churn_band"] == high} == {ACTION[language]}
    assert {row["action"] for row in rows if row["churn_band"] != high} <= {""}


def test_a_list_has_the_same_columns_whoever_chance_holds_out(client: httpx.Client) -> None:
    """The step stands as a column also where nobody with one is left on the list."""
    form = {"use_case": "churn", "top": "1", "holdout": "50", "format": "csv"}
    posts = (client.post("/console/list", data={**form, "salt": f"salt-{turn:012}"}).content for turn in range(64))
    lists = [list(csv.reader(io.StringIO(post.decode()))) for post in posts]

    assert {len(lines) for lines in lists} == {1, 2}  # the one customer is on some of them
    assert {tuple(lines[0]) for lines in lists} == {tuple(lists[0][0])}
    assert "action" in lists[0][0]


def test_addresses_leave_by_a_key_that_may_export_them(home: Path, tmp_path: Path) -> None:
    """Who may see customers may count a list; the file has addresses, which the API's list has not."""
    copied = tmp_path / "home"
    copied.mkdir()
    for folder in ("releases", "population", "segments"):
        (copied / folder).symlink_to(home / folder)
    token = add_key(copied, "reader", ["score", "explain", "customers"])
    with running(copied, tmp_path) as server, server.client() as client:
        client.post("/console/sign-in", data={"key": token})
        session, form = {"cookie": f"penchant={client.cookies['penchant']}"}, {"top": "5", "holdout": "0"}
        counted = client.post(f"{PATH}?use_case=churn", data=form, headers=session).text
        saved = client.post("/console/list", data={"use_case": "churn", **form}, headers=session)

        assert 'data-list="churn"' in counted
        assert 'action="/console/list' not in counted
        assert saved.status_code == 403


def test_a_list_that_is_none_is_explained(client: httpx.Client) -> None:
    """In the page; a file of it is refused."""
    for form in ({"top": "abc"}, {"top": "0"}, {"top": "10", "holdout": "100"}, {"top": "10", "holdout": "nan"}):
        assert 'role="alert"' in client.post(f"{PATH}?use_case=churn&language=fr", data=form).text
        assert client.post("/console/list", data={"use_case": "churn", **form}).status_code == 422
    assert client.post("/console/list", data={"use_case": "churn", "top": "5", "format": "../x"}).status_code == 400


@pytest.mark.parametrize(("language", "said"), [("en", "too old to be contacted"), ("fr", "trop anciens")])
def test_a_day_that_is_too_old_is_red_and_leaves_on_no_list(
    home: Path, client: httpx.Client, language: str, said: str
) -> None:
    """On the first page, the customers' and the planner's; the list is not offered, and its file is refused."""
    file = home / "run.toml"
    file.write_text('[deliver]\nmax_age = "36h"\n')
    try:
        pages = [
            client.get(f"{path}?language={language}").text for path in ("/console/", PATH, "/console/models/churn")
        ]
        refused = client.post("/console/list", data={"use_case": "churn", "top": "5"})
    finally:
        file.unlink()

    for page in pages:
        assert said in html.unescape(
            re.findall(r'class="notice bad" role="alert" data-part="day-note">([^<]*)<', page)[0]
        )
        assert 'action="/console/list' not in page
        assert 'id="list"' not in page
        assert 'data-part="list"' not in page
    assert refused.status_code == 409


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_customer_is_shown_day_by_day(client: httpx.Client, language: str) -> None:
    """Each day's score, and why it moved, in the words that POST /v1/moves has for the same days."""
    page = client.post(f"/console/customer?language={language}", data={"customer_id": "c29"}).text
    asked = {"use_case": "propensity", "customer_id": "c29", "from": "2026-02-01", "to": "2026-03-01"}
    move = client.post("/v1/moves", json={**asked, "language": language}).json()
    said = " ".join(html.unescape(page).split())  # signs are bound to their words by blanks of another kind

    assert len(re.findall('data-part="day-propensity"', page)) == 2
    assert " ".join(move["text"].split()) in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_planner_hands_over_whom_it_speaks_of(server: Server, home: Path, open_page: Open, language: str) -> None:
    """It plans for the day's customers; those of the chosen cut are the list's, on it or left out for a reason."""
    seen = open_page(server, f"/console/models/churn?capacity=40&language={language}")
    size, threshold = int(seen.told("[data-part=size]")), float(seen.told("[data-part=at]"))
    rows = day_rows(home, days_of(home)[-1]).to_pylist()
    above = {row["customer_id"] for row in rows if (row["churn_probability"] or 0) >= threshold}
    seen.page.click("button[data-part=list]")
    seen.page.wait_for_selector("[data-list=churn]")
    counts = seen.page.locator("[data-list] dd data").evaluate_all("all => all.map(one => Number(one.value))")

    assert 0 < len(above) == size <= 40
    assert sum(counts) == size


@pytest.mark.parametrize("language", LANGUAGES)
def test_profiles_to_refresh_are_listed_and_taken_away(
    server: Server, home: Path, open_page: Open, tmp_path: Path, language: str
) -> None:
    """As many as the link says; the first of them who agreed leave as a file, in that order, nobody held out."""
    seen = open_page(server, f"{PATH}?language={language}")
    link = seen.page.locator("[data-part=to-refresh]")
    count = int("".join(digit for digit in link.inner_text() if digit.isdigit()))
    link.click()
    rows = day_rows(home, days_of(home)[-1]).to_pylist()
    emptiest = sorted((-row["profile_missing"], row["customer_id"]) for row in rows if row["profile_missing"])
    listed = seen.page.locator("[data-customer]").evaluate_all("rows => rows.map(row => row.dataset.customer)")
    seen.page.fill("#top", "20")
    seen.page.click("form:has(#top) button")
    seen.page.wait_for_selector("[data-list]")
    with seen.page.expect_download() as saved:
        seen.page.click("[data-list] button")
    saved.value.save_as(file := tmp_path / saved.value.suggested_filename)
    with file.open(encoding="utf-8-sig", newline="") as content:
        taken = [row["customer_id"] for row in csv.DictReader(content, delimiter=";")]

    assert barriers(seen.page) == []
    assert count == len(emptiest)
    assert listed == [customer for _, customer in emptiest[:50]]
    assert file.name == "refresh-2026-03-01.csv"
    assert taken == [customer for _, customer in emptiest if int(customer[1:]) % 2][:20]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_page_begins_with_todays_customers(home: Path, client: httpx.Client, language: str) -> None:
    """How many there are and of which day, with the way to the list."""
    text = client.get(f"/console/?language={language}").text
    today = text.split('data-part="today">')[1].split("</section>")[0]

    assert today.startswith(f"{len(day_rows(home, days_of(home)[-1]))} ")
    assert {"en": "1 March 2026", "fr": "1er mars 2026"}[language] in today
    assert f'href="{PATH}?language={language}"' in today
    assert text.index('data-part="today"') < text.index('id="health"')
