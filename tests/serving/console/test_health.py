"""The page Health: states and reasons in words, alerts taken on, and what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from time import process_time

import httpx
import pytest
from starlette.requests import Request

from scoring.health.alert_file import alerts_path, read_alerts
from scoring.health.health_file import health_path
from scoring.health.matured_windows import windows_file
from scoring.segments.assignment import DEFAULT
from serving.auth.api_keys import ApiKey
from serving.console.health.health_board import health_board
from serving.console.pages.health import health
from serving.console.web.i18n import Texts
from serving.console.web.render import page
from serving.http.problems import Problem
from serving.http.reply import Reply
from serving.releases.watcher import Snapshot
from serving.settings import Settings
from serving.worker.request_context import CONTEXT, RequestContext
from serving.worker.runtime import Runtime
from tests.serving.console.conftest import LANGUAGES, Open
from tests.support.looked_at import look_at
from tests.support.servers import Server

WORDS = {
    "en": ("Distrust", "ranked worse than learned", "Train", "Look at where Days since the last purchase comes from"),
    "fr": ("Ne pas s'y fier", "moins bien classé", "Réentraîner", "Regarder d'où vient"),
}


DRIFTS = {
    "en": ["Days since the last purchase", "Purchases in the last 90 days"],
    "fr": ["Jours depuis le dernier achat", "Achats sur les 90 derniers jours"],
}


@pytest.fixture
def put_back(server: Server) -> Iterator[Path]:
    """The home, whose files of monitoring are as they were afterwards."""
    files = [file for file in (server.home / "monitoring").rglob("*.json*") if file.is_file()]
    before = {file: file.read_bytes() for file in files}
    yield server.home
    for file, content in before.items():
        file.write_bytes(content)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_gravest_comes_first_with_its_reason(server: Server, open_page: Open, language: str) -> None:
    """In words, as are alerts with the one thing to do; drift by damage, not by PSI; two charts of the past."""
    seen = open_page(server, "/console/health", language=language)
    text = seen.page.inner_text("main")
    rows = seen.page.locator("tr[data-state][data-use-case]").evaluate_all("all => all.map(one => one.dataset.useCase)")
    drifts = seen.page.locator("tr[data-drift]").evaluate_all("all => all.map(one => one.dataset.drift)")

    assert rows == ["churn", "propensity"]
    assert drifts == DRIFTS[language]
    assert seen.page.locator("tr[data-alert]").count() == 2
    assert seen.page.locator("svg.chart").count() == 2
    goals = seen.page.locator("tr[data-goal]").evaluate_all("all => all.map(one => one.dataset.state)")
    assert goals == ["behind", "reached", "unmeasured", "reached"]
    of_a_list = seen.page.locator("tr[data-goal='9368562671e2']").inner_text()
    assert f"{'List' if language == 'en' else 'Liste'} 9368562671e2" in of_a_list
    assert "400\xa0EUR – 800\xa0EUR" in of_a_list
    assert [word for word in WORDS[language] if word not in text] == []
    http, batch = seen.page.locator("tr[data-served]").all_inner_texts()
    assert f"{DRIFTS[language][1]} {'0.31' if language == 'en' else '0,31'}" in http
    assert ("too few rows" if language == "en" else "trop peu de lignes") in batch
    assert seen.page.locator("nav [aria-current=page]").inner_text() == {"en": "Health", "fr": "Santé"}[language]


def test_an_alert_is_taken_on_by_name(server: Server, open_page: Open, put_back: Path) -> None:
    """Where there are no keys the person writes it; the page then says who."""
    seen = open_page(server, "/console/health")
    seen.page.fill("tr[data-alert='0a'] input[name=by]", "Ada")
    seen.page.click("tr[data-alert='0a'] button")
    seen.page.wait_for_selector("tr[data-alert='0a'][data-state=acknowledged]")

    assert "Taken on by Ada" in seen.page.inner_text("tr[data-alert='0a']")
    assert [one.state for one in read_alerts(put_back)] == ["acknowledged", "open"]


@pytest.mark.parametrize(
    ("posted", "headers", "status"),
    [
        ({"id": "0a"}, {}, 400),
        ({"id": "c-4711", "by": "Ada"}, {}, 400),
        ({"id": "0a", "by": "Ada"}, {"Origin": "https://evil.example"}, 403),
        ({"id": "0a", "by": "Ada"}, {"Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=["nobody", "no alert", "another origin", "another site"],
)
def test_a_form_that_is_not_ours_changes_nothing(
    server: Server, client: httpx.Client, posted: dict[str, str], headers: dict[str, str], status: int
) -> None:
    """Nor is what was posted repeated."""
    before = alerts_path(server.home).read_bytes()

    answer = client.post("/console/health", data=posted, headers=headers)

    assert answer.status_code == status
    assert "c-4711" not in answer.text
    assert alerts_path(server.home).read_bytes() == before


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("damage", [b"", b'{"as_of": 7}', b"\xff"], ids=["empty", "another type", "no text"])
def test_damaged_files_are_refused_and_the_server_goes_on(
    client: httpx.Client, put_back: Path, damage: bytes, language: str
) -> None:
    """With a sentence on the page, a problem over HTTP; a damaged past leaves the state as it is."""
    asked = f"/console/health?language={language}"
    windows_file(put_back, "churn").write_bytes(damage or b"{")
    past = client.get(asked)
    health_path(put_back).write_bytes(damage)
    refused, problem = client.get(asked), client.get("/v1/health")

    assert (past.status_code, refused.status_code, problem.status_code) == (200, 200, 503)
    assert "churn.jsonl must hold a matured window a line" in past.text
    assert 'data-state="distrust"' in past.text
    assert "health.json must be what monitoring wrote" in refused.text
    assert problem.headers["content-type"] == "application/problem+json"
    assert client.get("/console/").status_code == 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_home_that_nobody_looked_at_says_how_to_begin(client: httpx.Client, put_back: Path, language: str) -> None:
    """And over HTTP that there is nothing."""
    health_path(put_back).unlink()

    shown, problem = client.get(f"/console/health?language={language}"), client.get("/v1/health")

    assert 'data-part="begin"' in shown.text
    assert "penchant monitor" in shown.text
    assert problem.status_code == 404


@pytest.mark.parametrize("scopes", [("score", "explain"), ("score", "explain", "admin")], ids=["without", "with"])
def test_a_key_takes_alerts_on_with_the_scope_admin_alone(tmp_path: Path, scopes: tuple[str, ...]) -> None:
    """In its own name, whatever is posted."""
    look_at(tmp_path)
    runtime = Runtime(Settings(home=tmp_path))
    token = CONTEXT.set(RequestContext("r", runtime, Snapshot(), ApiKey("crm", "0", frozenset(scopes))))
    try:
        shown = answered(asked("GET")).body.decode()
        if "admin" in scopes:
            assert answered(asked("POST", b"id=0a&by=Mallory")).status == 303
        else:
            with pytest.raises(Problem, match="needs the scope admin"):
                answered(asked("POST", b"id=0a&by=Mallory"))
    finally:
        CONTEXT.reset(token)

    assert ('method="post" action="/console/health' in shown) is ("admin" in scopes)
    assert [one.acknowledged_by for one in read_alerts(tmp_path)] == ["crm" if "admin" in scopes else None, None]


def answered(request: Request) -> Reply:
    """The page's answer, made in a loop of its own beside the one that a browser's tests run."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, lambda: asyncio.run(health(request))).result()


def asked(method: str, body: bytes = b"") -> Request:
    """A request of the page, with what a form posts."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": method, "headers": [], "query_string": b""}
    return Request(scope, receive)


def test_a_year_of_days_costs_hardly_more_than_a_season(tmp_path: Path) -> None:
    """The page draws and lists so many days at most; its processor time is printed, the first with all that is read."""
    sizes = {}
    for days in (120, 365):
        (home := tmp_path / str(days)).mkdir()
        look_at(home, days=days)
        token = CONTEXT.set(RequestContext("r", Runtime(Settings(home=home)), Snapshot()))
        spent = []
        for _ in range(9):
            begun = process_time()
            facts: dict[str, object] = {
                "board": health_board(home, {}, DEFAULT, Texts("en")),
                "notes": {"sentences": []},
                "streams": [],
            }
            shown = page("health.html", "en", {"here": "health", "refusal": None, "may_acknowledge": True, **facts})
            spent.append(round(1000 * (process_time() - begun), 1))
        CONTEXT.reset(token)
        sizes[days] = len(shown.body)
        print(f"milliseconds of the page with {days} days:", spent)

    assert sizes[365] <= 1.05 * sizes[120]
