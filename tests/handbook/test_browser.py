"""The site in a real browser: on a desk and on a phone, by axe-core, and what it asks of other hosts: nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser

from tests.support.barriers import barriers

# One page of each kind: landing, commands to copy, a guide, the reference of files, of words, of commands.
PAGES = (
    "index.html",
    "start.html",
    "guide/segments.html",
    "reference/monitor-toml.html",
    "reference/policy.html",
    "reference/commands.html",
)
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 375, "height": 800}


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 named so where it is inherited
        """Nothing."""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("language", ["", "fr/"], ids=["en", "fr"])
def test_pages_have_no_barrier_at_either_width(browser: Browser, address: str, language: str) -> None:
    """No rule of axe-core is broken, nothing is wider than the screen, no other host is asked, no script fails."""
    found: list[str] = []
    asked: list[str] = []
    for size in (DESK, PHONE):
        context = browser.new_context(viewport=size, reduced_motion="reduce")  # type: ignore[arg-type]
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: found.append(str(error)))
        for name in PAGES:
            page.goto(address + language + name)
            found.extend(f"{name} at {size['width']}: {barrier}" for barrier in barriers(page))
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            found.extend([f"{name} is {wide} px wider than {size['width']}"] if wide > 0 else [])
        context.close()

    assert found == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_a_reader_changes_the_language_of_a_page(browser: Browser, address: str) -> None:
    """The switch leads to the same page, not to the start."""
    page = browser.new_page(viewport=DESK)  # type: ignore[arg-type]
    page.goto(address + "guide/segments.html")

    leads = page.locator('link[rel="alternate"][hreflang="fr"]').get_attribute("href")
    page.goto(address + f"guide/{leads}")

    assert page.url == address + "fr/guide/segments.html"
    assert page.locator("html").get_attribute("lang") == "fr"
    page.close()
