"""The README and each guide have a French twin: same headings, code, figures and links, so that none falls behind."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from scoring.text.formatting import unbreakable
from tests.support.markdown import Block, Section, blocks, sections

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# Pages for people; decisions, performance and accuracy are in English only.
PAGES = sorted(
    [
        DOCS / "index.md",
        DOCS / "start.md",
        *(path for path in DOCS.glob("*/*.md") if path.parent.name in {"guide", "role"}),
    ]
)
FRENCH = {
    ROOT / "README.md": ROOT / "README.fr.md",
    **{path: path.parent / "fr" / path.name for path in PAGES},
}
PAIRS = pytest.mark.parametrize(
    ("english", "french"), FRENCH.items(), ids=[str(path.relative_to(ROOT)) for path in FRENCH]
)
COMMENT = re.compile(r'^((?:"[^"\n]*"|[^"#\n])*)#.*$', re.MULTILINE)  # of TOML: a `#` outside quotes, and what follows
NUMBERS = {
    "en": re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"),
    "fr": re.compile(r"\d{1,3}(?:\u202f\d{3})+(?:,\d+)?|\d+(?:[.,]\d+)?"),
}


def read(document: Path) -> list[Section]:
    """The sections of a document."""
    return sections(document.read_text(encoding="utf-8"))


def shown(document: Path) -> list[tuple[str, str, str | None, str | None]]:
    """Its blocks; comments of TOML and labels of drawings are prose, of which only the place is kept."""
    return [
        (block.language, _without_prose(block), block.file, block.more)
        for block in blocks(document.read_text(encoding="utf-8"))
    ]


def _without_prose(block: Block) -> str:
    match block.language:
        case "toml":
            return COMMENT.sub(r"\1#", block.text)
        case "mermaid":
            return re.sub(r'"[^"]*"', '""', block.text)
        case _:
            return block.text


def figures(section: Section, language: str) -> set[float]:
    """The numbers in its prose, as the language writes them."""
    return {
        float(re.sub(r"\u202f", "", found).replace(",", "." if language == "fr" else ""))
        for found in NUMBERS[language].findall(section.text)
    }


def targets(document: Path, *, french: bool) -> list[Counter[tuple[Path | str, int | None]]]:
    """Of each section where its links lead, in English, and to which heading; but for the first link, to the twin."""
    english = {path.parent / "fr": path.parent for path in PAGES} | {there: path for path, there in FRENCH.items()}
    foreign = english.values() if french else english.keys()
    found = []
    for position, section in enumerate(read(document)):
        led: Counter[tuple[Path | str, int | None]] = Counter()
        for link in section.links[1 if position == 0 else 0 :]:
            name, _, anchor = link.partition("#")
            if "://" in name:
                led[link, None] += 1
                continue
            path = (document.parent / name).resolve() if name else document
            assert path not in foreign, f"{link} leads to the other language"
            heading = [one.anchor for one in read(path)].index(anchor) if anchor and path.exists() else None
            led[english.get(path, path), heading] += 1
        found.append(led)
    return found


@PAIRS
def test_a_document_and_its_french_begin_with_a_link_to_each_other(english: Path, french: Path) -> None:
    """Readers who came to the other language change it at the top."""
    there, back = read(english)[0].links[0], read(french)[0].links[0]

    assert (english.parent / there).resolve() == french
    assert (french.parent / back).resolve() == english


@PAIRS
def test_the_french_has_the_same_headings(english: Path, french: Path) -> None:
    """As many, of the same levels, in the same order."""
    assert [one.level for one in read(french)] == [one.level for one in read(english)]


@PAIRS
def test_the_french_shows_the_same_blocks(english: Path, french: Path) -> None:
    """So what is run of the English holds of both."""
    assert shown(french) == shown(english)


@PAIRS
def test_each_section_names_the_same_code_in_french(english: Path, french: Path) -> None:
    """A key, option or command that one of them gains is missing in the other until it is translated."""
    assert [one.code for one in read(french)] == [one.code for one in read(english)]


@PAIRS
def test_each_section_gives_the_same_figures_in_french(english: Path, french: Path) -> None:
    """Written with a decimal comma and parted thousands."""
    assert [figures(one, "fr") for one in read(french)] == [figures(one, "en") for one in read(english)]


@PAIRS
def test_each_section_leads_to_the_same_places_in_french(english: Path, french: Path) -> None:
    """Links between guides stay within a language; a heading is the same one, whatever it is called."""
    assert targets(french, french=True) == targets(english, french=False)


@pytest.mark.parametrize("french", FRENCH.values(), ids=[str(path.relative_to(ROOT)) for path in FRENCH.values()])
def test_french_signs_stay_with_their_words(french: Path) -> None:
    """No line can break before : ; ? ! » %, after «, or within a number."""
    prose = "\n".join(f"{one.title}\n{one.text}" for one in read(french))

    assert [line for line in prose.splitlines() if unbreakable(line) != line or re.search(r"\d \d{3}\b", line)] == []
