"""The pages of docs/ laid out as the site wants them: a folder for each language, links led to where pages went.

In the repository a page and its French twin stand together, `guide/x.md` and `guide/fr/x.md`, so that links lead
somewhere on a disk too. On the site they are `en/guide/x.md` and `fr/guide/x.md`; a page without a twin is shown in
English to all. A link to a file outside docs/ becomes the name of that file: the site holds no code.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

_LINK = re.compile(r"(?P<text>!?\[[^\]]*\])\((?P<path>[^)\s#]*)(?P<anchor>#[^)\s]*)?\)")
_TWIN = re.compile(r"^\*\[(?:In English|En français)\]\([^)]*\)\*\n\n?", re.MULTILINE)
_ELSEWHERE = re.compile(r"^[a-z]+:", re.IGNORECASE)


def language_of(path: PurePosixPath) -> str:
    """The language of a page by its folder.

    >>> language_of(PurePosixPath("guide/fr/x.md")), language_of(PurePosixPath("guide/x.md"))
    ('fr', 'en')
    """
    return "fr" if path.parent.name == "fr" else "en"


def page_of(path: PurePosixPath) -> PurePosixPath:
    """Where a page of docs/ stands in the folder of its language; any other file has one place for all.

    >>> str(page_of(PurePosixPath("guide/fr/x.md"))), str(page_of(PurePosixPath("screenshots/a.png")))
    ('guide/x.md', 'screenshots/a.png')
    """
    return path.parent.parent / path.name if language_of(path) == "fr" else path


def lay_out(docs: Path, out: Path) -> None:
    """Copies the pages and pictures of `docs` into `out`, an empty folder, by language."""
    for path in sorted(docs.rglob("*")):
        name = PurePosixPath(path.relative_to(docs).as_posix())
        if path.suffix == ".md":
            to = out / language_of(name) / page_of(name)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(_page(path, name, docs), encoding="utf-8")
        elif path.suffix in {".png", ".svg", ".css"}:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, out / name)
    _decisions(docs, out / "en/adr")


def _page(path: Path, name: PurePosixPath, docs: Path) -> str:
    """A page as the site shows it: the switch of languages is the theme's, links lead to the pages laid out."""
    text = _TWIN.sub("", path.read_text(encoding="utf-8"), count=1)
    return _LINK.sub(lambda link: _led(link, path, name, docs), text)


def _led(link: re.Match[str], path: Path, name: PurePosixPath, docs: Path) -> str:
    if not link["path"] or _ELSEWHERE.match(link["path"]):
        return link[0]
    target = (path.parent / link["path"]).resolve()
    if target in {docs.parent / "README.md", docs.parent / "README.fr.md"}:
        target = docs / "index.md"
    if not target.is_relative_to(docs):
        shown = link["text"].strip("![]`")
        return (
            f"`{target.relative_to(docs.parent)}`" if "/" in shown else f"{shown} (`{target.relative_to(docs.parent)}`)"
        )
    there = PurePosixPath(target.relative_to(docs).as_posix())
    # A picture lies beside the folders of languages; i18n finds it by the path that it has in docs/.
    here = page_of(name).parent
    relative = os.path.relpath(page_of(there), here)
    return f"{link['text']}({PurePosixPath(relative)}{link['anchor'] or ''})"


def _decisions(docs: Path, folder: Path) -> None:
    """The list of decisions, each with the day it came."""
    days = _days(docs)
    lines = [
        "# Decisions",
        "",
        "Why it is built so: one page each, newest first.",
        "",
        "| decision | since |",
        "|---|---|",
    ]
    for path in sorted((docs / "adr").glob("*.md"), reverse=True):
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        lines.append(f"| [{title}]({path.name}) | {days.get(path.name, '')} |")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def _days(docs: Path) -> dict[str, str]:
    """The day of the first commit of each decision; empty where there is no git."""
    command = ["git", "log", "--reverse", "--diff-filter=A", "--format=%cs", "--name-only", "--", "docs/adr"]
    try:
        listed = subprocess.run(command, cwd=docs.parent, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    days: dict[str, str] = {}
    day = ""
    for line in filter(None, listed.splitlines()):
        if line.endswith(".md"):
            days.setdefault(PurePosixPath(line).name, day)
        else:
            day = line
    return days
