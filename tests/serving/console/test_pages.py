"""Every page, in both languages: no barrier, no overflow, no complaint, little weight."""

from __future__ import annotations

import gzip
import json
import re
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Response

from tests.serving.console.conftest import LANGUAGES, Open, Seen, score
from tests.support.barriers import barriers
from tests.support.servers import Server

PLAN = "/console/models/churn?capacity=200&cost=1&value=9"
PAGES = (
    "/console/",
    "/console/customers?use_case=churn",
    "/console/customer",
    "/console/customers-file",
    "/console/segments",
    "/console/campaigns",
    "/console/deliveries",
    "/console/health",
    "/console/sources",
    PLAN,
    "/docs",
    "/console/sign-in",
)
LOOKS = {"en": {"width": 1920, "color_scheme": "light"}, "fr": {"width": 375, "color_scheme": "dark"}}
HEAVIEST = 150 * 1024  # bytes, compressed, with everything a page loads


def overflows(seen: Seen) -> bool:
    """Whether the page is wider than its window."""
    return bool(seen.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_has_a_barrier(server: Server, open_page: Open, profile: dict[str, Any], language: str) -> None:
    """axe-core finds nothing on any page, in light on a wide screen and in dark on a narrow one."""
    seen = open_page(server, language=language, **LOOKS[language])
    found = {}
    for path in PAGES:
        seen.page.goto(server.url + path)
        found[path] = barriers(seen.page), overflows(seen), seen.page.locator("html").get_attribute("lang")
    seen.page.goto(f"{server.url}/console/customer")
    score(seen, profile)
    found["a customer"] = barriers(seen.page), overflows(seen), seen.page.locator("html").get_attribute("lang")
    for state, posted in (("a bad paste", "{oups"), ("a customer who breaks every rule", {"features": {"<b>": [1]}})):
        seen.page.goto(f"{server.url}/console/customer")
        score(seen, posted)
        found[state] = barriers(seen.page), overflows(seen), seen.page.locator("html").get_attribute("lang")
    seen.page.goto(f"{server.url}/console/models/nobody")
    found["trouble"] = barriers(seen.page), overflows(seen), seen.page.locator("html").get_attribute("lang")

    assert {page: what for page, what in found.items() if what != ([], False, language)} == {}


@pytest.mark.parametrize("width", [375, 1920])
def test_every_page_fits_its_window(server: Server, open_page: Open, profile: dict[str, Any], width: int) -> None:
    """Nothing has to be scrolled sideways but tables in their own frames."""
    seen = open_page(server, width=width)
    wide = []
    for path in PAGES:
        seen.page.goto(server.url + path)
        wide += [path] if overflows(seen) else []
    seen.page.goto(f"{server.url}/console/customer")
    score(seen, profile)

    assert wide == []
    assert not overflows(seen)


def test_pages_are_light(server: Server, open_page: Open, profile: dict[str, Any]) -> None:
    """At most 150 KB compressed with everything; the server's own time is printed."""
    seen = open_page(server, "/livez")
    weights = {}
    for path in PAGES:
        loaded: list[Response] = []
        keep = lambda answer, into=loaded: into.append(answer)  # noqa: E731 a listener of this page alone
        seen.page.on("response", keep)
        seen.page.goto(server.url + path, wait_until="networkidle")
        seen.page.remove_listener("response", keep)
        weights[path] = sum(len(gzip.compress(answer.body())) for answer in loaded)
    with server.client() as client:
        customer = client.post("/console/customer", data={"profile": json.dumps(profile)})
        weights["a customer"] = len(gzip.compress(customer.content)) + sum(
            len(gzip.compress(client.get(f"/console/{file}").content))
            for file in ("style.css", "script.js", "icon.svg")
        )
        for _ in range(9):
            client.post("/console/customer", data={"profile": json.dumps(profile)})
            for path in PAGES:
                client.get(path)
    spent: dict[str, list[float]] = {}
    for line in server.written().splitlines():
        if told := re.search(r'"route":"([^"]*)","method":"(GET|POST)","status":200,"milliseconds":([0-9.]+)', line):
            spent.setdefault(f"{told[2]} {told[1]}", []).append(float(told[3]))
    print("compressed bytes:", weights)
    print("server ms, median:", {route: round(median(times), 1) for route, times in spent.items()})

    assert max(weights.values()) <= HEAVIEST


@pytest.mark.parametrize("path", ["/console/nowhere", "/console/models/nobody"])
def test_a_person_sees_a_page_and_a_program_a_problem(server: Server, open_page: Open, path: str) -> None:
    """Errors are pages to browsers, in their language, and problem documents to everyone else."""
    seen = open_page(server, path, language="fr")

    assert seen.page.locator("h1").inner_text() == "Cela n'a pas fonctionné"
    with server.client() as client:
        assert client.get(path).headers["content-type"] == "application/problem+json"


def test_the_language_is_the_browsers_until_it_is_switched(server: Server, open_page: Open) -> None:
    """The switch stays on through the links of the page."""
    seen = open_page(server, language="fr")

    assert seen.page.locator("h1").inner_text() == "Ce qui est en service"
    seen.page.click("a.switch")
    assert seen.page.locator("h1").inner_text() == "What is served"
    seen.page.click("nav >> text=Segments")
    assert "Rules are tried" in seen.page.inner_text("main")
