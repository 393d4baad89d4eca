"""The API's page: in the reader's language, and calls made from it, from this origin alone."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from markupsafe import escape

from tests.serving.console.conftest import LANGUAGES, Open
from tests.support.servers import Server


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_speaks_its_language(client: httpx.Client, language: str) -> None:
    """Each operation and each problem has its text; English stands on the French page in schemas and examples alone."""
    page = client.get(f"/docs?language={language}").text
    described = client.get("/openapi.json").json()

    for methods in [*described["paths"].values(), *described["webhooks"].values()]:
        for operation in methods.values():
            assert (f"<p>{escape(operation['summary'])}" in page) == (language == "en"), operation["operationId"]
    assert ("The API key does not allow this" in page) == (language == "en")


def test_a_call_is_tried_with_a_key_of_ones_own(server: Server, open_page: Open, profile: dict[str, Any]) -> None:
    """The example as it stands, a path and a query; the answer is shown with its status."""
    seen = open_page(server, "/docs?language=fr", language="fr")
    seen.page.fill("#api-key", "any")

    def tried(path: str, method: str = "GET", query: str = "") -> str:
        part = f"[data-try={method}][data-path='{path}']"
        seen.page.click(f"{part} > summary")
        if query:
            seen.page.fill(f"{part} [name=query]", query)
        seen.page.click(f"{part} button")
        seen.page.wait_for_selector(f"{part} > pre:not([hidden])")
        return str(seen.page.locator(f"{part} > pre").inner_text())

    assert '"status": "scored"' in tried("/v1/scores", "POST")
    assert tried("/v1/use-cases/{name}").startswith("200")
    listed = tried("/v1/customers", query="use_case=churn&limit=2")
    assert len(json.loads(listed.partition("\n\n")[2])["customers"]) == 2


def test_printed_sheets_have_a_title(server: Server, open_page: Open) -> None:
    """What the page is, at its head; on the screen it is not there."""
    seen = open_page(server, "/console/models/churn?language=fr", language="fr")
    title = seen.page.locator(".printed")

    assert not title.is_visible()
    seen.page.emulate_media(media="print")
    assert title.is_visible()
    assert title.inner_text().startswith("Penchant · ")
