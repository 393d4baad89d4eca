"""The training report as it is read: in one language, with contents, in the dark, without a barrier."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from features.spec.languages import LANGUAGES, Language
from serving.console.pages.report import in_language
from tests.support.barriers import barriers

NAMES = ("churn", "term-deposit")


@pytest.fixture(scope="module")
def page_of(examples_home: Path) -> Callable[[str, Language], str]:
    """The served report of an example."""

    def found(name: str, language: Language) -> str:
        [path] = (examples_home / "releases" / name).glob("*/report.html")
        return in_language(path.read_text(encoding="utf-8"), language)

    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_is_in_one_language(page_of: Callable[[str, Language], str], name: str, language: Language) -> None:
    """Nothing is left of the other but the way to it, and no mark; the contents lead to each heading."""
    page = page_of(name, language)
    other = "en" if language == "fr" else "fr"

    assert f'<html lang="{language}">' in page
    assert re.findall(f'<a href="[^"]*" lang="{other}">', page) == [f'<a href="?language={other}" lang="{other}">']
    assert page.count(f'lang="{other}"') == 1
    assert not re.search("<!--|-->", page)
    places = re.findall(rf'<a href="#({language}-\d+)">', page)
    assert len(places) == len(set(places)) > 8
    assert all(f'<span id="{place}"></span><h2>' in page for place in places)


@pytest.mark.parametrize(
    ("language", "scheme", "width"), [("en", "light", 1440), ("fr", "dark", 375)], ids=["wide", "narrow"]
)
def test_a_report_has_no_barrier(
    page_of: Callable[[str, Language], str],
    browser: Browser,
    tmp_path: Path,
    language: Language,
    scheme: str,
    width: int,
) -> None:
    """axe-core finds nothing, and nothing has to be scrolled sideways but tables; the dark is dark."""
    (tmp_path / "report.html").write_text(page_of("churn", language), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()

    page.goto((tmp_path / "report.html").as_uri())

    ground = str(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    found = barriers(page)
    context.close()
    assert (found, wide) == ([], False)
    assert (ground == "rgb(20, 24, 29)") == (scheme == "dark")
