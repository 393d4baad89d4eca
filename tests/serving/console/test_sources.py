"""The page of sources: what comes from where, how far it reaches, who uses it; too old is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from features.spec.source_register import SOURCES, SourceEntry, write_sources
from tests.serving.console.conftest import LANGUAGES, Open
from tests.support.barriers import barriers
from tests.support.servers import Server

TOO_OLD = {
    "en": "Too old: a use case accepts at most 2 days.",
    "fr": "Trop ancienne : un cas d'usage accepte au plus 2 jours.",
}
BEGIN = {"en": "No source has been read yet", "fr": "Aucune source n'a encore été lue"}


def entry(days: int, at_most: int | None = None) -> SourceEntry:
    """A source that reaches to so many days ago."""
    reach = (datetime.now(UTC) - timedelta(days=days, hours=1)).isoformat()
    return SourceEntry(
        "postgres://db/shop", "ab" * 32, 330_740, "738", None, reach, "2026-03-01T05:15:00+00:00", ("churn",), at_most
    )


@pytest.fixture
def registered(server: Server) -> Iterator[None]:
    """Two sources, one of them too old; gone afterwards."""
    write_sources(server.home, {"crm-1": entry(1, 2), "till-2": entry(9, 2)})
    yield
    (server.home / SOURCES).unlink()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.usefixtures("registered")
def test_each_source_says_how_far_it_reaches(server: Server, open_page: Open, language: str) -> None:
    """What is too old first, with the limit; without a barrier, and found from the navigation."""
    seen = open_page(server, "/console/sources", language=language)
    shown = seen.page.locator("[data-source]")
    names = shown.evaluate_all("all => all.map(one => one.dataset.source)")
    notices = seen.page.locator("[data-part=too-old]").all_inner_texts()
    rows = shown.locator("data").evaluate_all("all => all.map(one => Number(one.value))")

    assert names == ["till-2", "crm-1"]
    assert [" ".join(text.split()) for text in notices] == [TOO_OLD[language]]
    assert rows == [330_740, 330_740]
    assert "postgres://db/shop" in shown.first.inner_text()
    assert seen.page.locator("nav a[href^='/console/sources']").count() == 1
    assert barriers(seen.page) == []


def test_a_home_that_read_nothing_says_how_to_begin(server: Server, open_page: Open) -> None:
    """The command stands there."""
    text = open_page(server, "/console/sources", language="fr").page.inner_text("main")

    assert BEGIN["fr"] in " ".join(text.split())
    assert "penchant ingest" in text
