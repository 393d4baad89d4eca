"""What mkdocs calls: pages are laid out and made before it reads them; after it has built no other host is named."""

from __future__ import annotations

import atexit
import re
import shutil
import sys
import tempfile
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # mkdocs is a command: the folder it is called in is not on the path

from handbook.layout import lay_out  # noqa: E402
from handbook.reference.pages import reference_pages  # noqa: E402
from handbook.reference.texts import LANGUAGES  # noqa: E402

STEMMERS = {"lunr.stemmer.support.min.js", "lunr.multi.min.js", "lunr.fr.min.js"}  # English is built in

_SECTION = re.compile(r'(<nav class="md-nav" data-md-level="\d") aria-labelledby="[^"]*" aria-expanded="[^"]*">')

_laid: dict[str, Path] = {}  # the folder of this build, made for its first language
_read: list[str] = []  # the languages of this build that were begun


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Reads the pages laid out instead of docs/; decisions come into the navigation as they are found."""
    if "docs" not in _laid:
        folder = Path(tempfile.mkdtemp(prefix="penchant-site-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        lay_out(ROOT / "docs", folder)
        _add_reference(folder)
        _laid["docs"] = folder
        config.nav = _with_decisions(config.nav)
    config.docs_dir = str(_laid["docs"])
    return config


def _add_reference(folder: Path) -> None:
    for language in LANGUAGES:
        for name, text in reference_pages(language):
            path = folder / language / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _with_decisions(nav: list[object] | None) -> list[object]:
    """The navigation, `adr/` in it replaced by all decisions in order."""
    pages = ["adr/index.md", *sorted(f"adr/{path.name}" for path in (ROOT / "docs/adr").glob("*.md"))]
    return [_expanded(item, pages) for item in nav or []]


def _expanded(item: object, pages: list[str]) -> object:
    match item:
        case dict():
            return {title: pages if within == "adr/" else _expanded(within, pages) for title, within in item.items()}
        case list():
            return [_expanded(one, pages) for one in item]
        case _:
            return item


def on_pre_build(config: MkDocsConfig) -> None:
    """Counts the languages: once all are read, the next build lays pages out anew, as `mkdocs serve` asks for."""
    _read.append(config.theme["language"])
    if len(_read) == len(LANGUAGES):
        _read.clear()
        _laid.clear()


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001 mkdocs names what it gives
    """Names what a screen reader would meet without one: the search; lists within the navigation are no landmarks."""
    search = "Recherche" if config.theme["language"] == "fr" else "Search"
    dialog = 'data-md-component="search" role="dialog"'
    named = output.replace(dialog, f'{dialog} aria-label="{search}"')
    return _SECTION.sub(r'\1 role="none">', named)


def on_post_build(config: MkDocsConfig) -> None:
    """Leaves no address of another host in the theme's scripts, which load drawings from one that we do not use."""
    for script in Path(config.site_dir).glob("assets/javascripts/bundle.*.js"):
        text = script.read_text(encoding="utf-8")
        for host in ("https://unpkg.com/", "https://api.github.com/"):
            text = text.replace(host, "./")
        script.write_text(text, encoding="utf-8")
    scripts = Path(config.site_dir) / "assets/javascripts"
    unused = [path for path in scripts.glob("lunr/**/*.js") if path.name not in STEMMERS]
    for path in [*unused, *Path(config.site_dir).rglob("*.map")]:
        path.unlink()
