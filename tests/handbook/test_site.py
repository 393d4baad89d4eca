"""The site of docs/: whole, in both languages, and from no other host."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

from handbook.layout import language_of, page_of

ROOT = Path(__file__).parents[2]
MESSAGE = "https://bit.ly/2s3ChXG`"  # in an error message of lunr
HOST = re.compile(r"(?:https?:)?//(?!www\.w3\.org/)[a-z0-9-]+\.[a-z0-9.-]+[^\s\"')]*", re.IGNORECASE)
ADDRESS = re.compile(r"https?://(?!www\.w3\.org/)[a-z0-9][^\s\"')]+")
LOADED = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


class Assets(HTMLParser):
    """What a page loads: every address but that of a plain hyperlink."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps what a browser would ask for."""
        for name, value in attrs:
            asked = name in {"src", "srcset", "data", "poster", "action"} or (name == "href" and tag != "a")
            if asked and value:
                self.found.append(value)


def test_the_site_has_every_page_in_both_languages(site: Path) -> None:
    """A page without a twin is there in English."""
    pages = [PurePosixPath(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")]
    wanted = {page_of(path).with_suffix(".html") for path in pages if language_of(path) == "en"}

    assert [str(page) for page in sorted(wanted) if not (site / page).is_file()] == []
    assert [str(page) for page in sorted(wanted) if not (site / "fr" / page).is_file()] == []


def test_a_page_in_french_says_so(site: Path) -> None:
    """A screen reader reads it with the voice of its language."""
    assert '<html lang="en"' in (site / "index.html").read_text(encoding="utf-8")
    assert '<html lang="fr"' in (site / "fr/index.html").read_text(encoding="utf-8")


def test_pages_and_styles_load_nothing_from_another_host(site: Path) -> None:
    """No fonts, scripts, pictures or counters from elsewhere: only hyperlinks leave the site."""
    loaded = []
    for page in site.rglob("*.html"):
        reader = Assets()
        reader.feed(page.read_text(encoding="utf-8"))
        loaded += [(page.name, address) for address in reader.found]
    for style in site.rglob("*.css"):
        loaded += [(style.name, "".join(found)) for found in LOADED.findall(style.read_text(encoding="utf-8"))]

    assert len(loaded) > 100
    assert [one for one in loaded if HOST.match(one[1]) and not one[1].startswith("data:")] == []


def test_scripts_name_no_other_host(site: Path) -> None:
    """The theme's scripts could load drawings and counts of stars from two hosts; the site leaves no trace of them."""
    scripts = {path.name: COMMENT.sub("", path.read_text(encoding="utf-8")) for path in site.rglob("*.js")}

    assert len(scripts) > 1
    assert {name: found for name, text in scripts.items() if (found := set(ADDRESS.findall(text)) - {MESSAGE})} == {}
