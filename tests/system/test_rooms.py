"""The rooms of each package, read from syntax trees: arrows go down, doors are used, names are had once."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.system.test_layers import OURS, ROOT, imported

# From the ground up: a room, or a file beside the rooms, imports of its package only what stands before it.
ORDER = {
    "features": "errors spec sources columns config landing history point_in_time tables quality leakage build "
    "scaffold __main__",
    "scoring": "errors lean_imports text storage encoding models privacy bundle releases reasons segments answers "
    "batch spark audiences population health cli __main__",
    "training": "errors progress provenance data evaluation fitting registry task selection promotion "
    "diagnostics bundling uplift value segmentation lookalike report train __main__",
    "serving": "settings http telemetry auth requests admission releases idempotency stream_state customers streams "
    "worker api console client edge patches cli service __main__",
    "activation": "campaigns deliveries destinations cli __main__",
    "monitoring": "estimate outcomes realised drift state config delivery alerts audit cli",
    "penchant": "notebook retention backup lineage daily streams dossier cli __main__ __init__",
}
# Started as modules, found by a name in a table, or for others to import: no import of ours shows it.
ENTERED_BY_NAME = {("serving", "cli"), ("serving", "client"), ("training", "segmentation")}
MOST_FILES = 18  # in a folder
MOST_ARROWS = {"features": 54, "scoring": 48, "training": 52, "serving": 59}  # pairs of rooms, one importing the other
# Rooms that came with a task of their own after the house was drawn: how many others each may know or be known by.
ADDED_ROOMS = {
    "features": {"landing": 5},
    "scoring": {"spark": 10},
    "training": {"uplift": 8, "value": 8, "segmentation": 8, "lookalike": 8},
    "serving": {"idempotency": 6, "streams": 9, "stream_state": 8},
}
PRIVATE_WORDS = re.compile(r"(?<![a-zA-Z])(told|held|rival|luck|doubts?)(?![a-zA-Z])")  # the field has better ones


def files(root: Path) -> list[Path]:
    """Every Python file of ours."""
    return [path for package in OURS for path in sorted((root / package).rglob("*.py"))]


def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def room_of(path: Path, root: Path) -> tuple[str, str]:
    """The package of a file, and its room; of a file beside the rooms its own name."""
    parts = path.relative_to(root).with_suffix("").parts
    return parts[0], parts[1]


@cache
def door(package: str, room: str, root: Path) -> list[str] | None:
    """The modules that others may import of a room; None where it is a file beside the rooms."""
    file = root / package / room / "__init__.py"
    if not file.is_file():
        return None
    for node in tree(file).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


@cache
def crossings(root: Path) -> tuple[tuple[Path, str, list[str]], ...]:
    """Each import of a file of ours that leaves its room: the file, and what it imports, split at the dots."""
    return tuple(
        (path, name, name.split("."))
        for path in files(root)
        for name in imported(tree(path), ".".join(path.relative_to(root).parts[:-1]))
        if leaves(room_of(path, root), name.split("."))
    )


def leaves(own: tuple[str, str], parts: list[str]) -> bool:
    """Whether a dotted name is of ours, and of another room."""
    return parts[0] in OURS and len(parts) > 1 and tuple(parts[:2]) != own


def upward(root: Path) -> list[str]:
    """Imports from a room of its own package that stands above, or that has no place in the order."""
    found = []
    for path, name, (package, room, *_) in crossings(root):
        own_package, own = room_of(path, root)
        order = ORDER[package].split()
        if package == own_package and (room not in order or own not in order or order.index(room) > order.index(own)):
            found.append(f"{path.relative_to(root)} imports {name}")
    return found


def back_doors(root: Path) -> list[str]:
    """Imports of a module that its room does not name."""
    return [
        f"{path.relative_to(root)} imports {name}"
        for path, name, (package, room, *rest) in crossings(root)
        if (named := door(package, room, root)) is not None and rest[:1] and rest[0] not in named
    ]


def test_a_room_imports_only_rooms_below_it() -> None:
    """In the one order of its package, from the ground up."""
    assert upward(ROOT) == []


@pytest.mark.parametrize(("package", "most"), MOST_ARROWS.items())
def test_rooms_know_few_others(package: str, most: int) -> None:
    """A new arrow needs an old one gone, or a better room for the file that would draw it."""
    added = ADDED_ROOMS.get(package, {})
    drawn = arrows(package)

    assert len([pair for pair in drawn if not added.keys() & set(pair)]) <= most, sorted(drawn)
    for room, few in added.items():
        assert len([pair for pair in drawn if room in pair]) <= few, room


def arrows(package: str) -> set[tuple[str, str]]:
    """Pairs of a package's rooms of which the first imports the second."""
    return {
        (room_of(path, ROOT)[1], parts[1])
        for path, _, parts in crossings(ROOT)
        if room_of(path, ROOT)[0] == parts[0] == package
    }


def test_every_room_has_its_place_in_the_order() -> None:
    """A new room is put somewhere."""
    found = {room_of(path, ROOT) for path in files(ROOT)}
    placed = {(package, room) for package, order in ORDER.items() for room in order.split()}

    assert {pair for pair in found - placed if pair[1] != "__init__"} == set()


def test_rooms_are_entered_by_their_doors() -> None:
    """Only modules that a room names are imported from elsewhere."""
    assert back_doors(ROOT) == []


def test_every_door_says_what_is_behind_it() -> None:
    """A sentence, and the names of modules that exist and that somebody else imports; nothing is imported there."""
    entered = {tuple(parts[:3]) for _, _, parts in crossings(ROOT)}
    rooms = {room_of(path, ROOT) for path in files(ROOT) if len(path.relative_to(ROOT).parts) > 2}
    wrong = []
    for package, room in sorted(rooms):
        parsed = tree(ROOT / package / room / "__init__.py")
        named = door(package, room, ROOT) or []
        if not ast.get_docstring(parsed) or len(parsed.body) != 2 or not named:
            wrong.append(f"{package}/{room}: a sentence and __all__, no more")
        for name in named:
            place = ROOT / package / room / name
            if not (place.is_dir() or place.with_suffix(".py").is_file()):
                wrong.append(f"{package}/{room}: {name} is not there")
            elif (package, room, name) not in entered and (package, room) not in ENTERED_BY_NAME:
                wrong.append(f"{package}/{room}: {name} is imported by nobody else")

    assert wrong == []


def test_no_folder_is_crowded() -> None:
    """At most so many files as one looks through at a glance."""
    counts: dict[str, int] = defaultdict(int)
    for path in files(ROOT):
        counts[str(path.parent.relative_to(ROOT))] += 1

    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}


def test_a_type_is_had_once() -> None:
    """No class has the name of another, in any package."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in files(ROOT):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(str(path.relative_to(ROOT)))

    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_a_file_is_had_once_in_its_package() -> None:
    """Its name says which it is."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in files(ROOT):
        if not path.stem.startswith("__"):
            place = path.relative_to(ROOT)
            found[place.parts[0], path.name].append(str(place))

    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def private_words(path: Path) -> Iterator[str]:
    """Names, comments and docstrings that use a word of our own where the field has one; texts for people are not."""
    source = path.read_text(encoding="utf-8")
    texts = [
        (node.body[0].lineno, ast.get_docstring(node) or "")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body
    ]
    texts += [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type in (tokenize.NAME, tokenize.COMMENT)
    ]
    for line, text in texts:
        yield from (f"{path.relative_to(ROOT)}:{line}: {match[0]}" for match in PRIVATE_WORDS.finditer(text))


def test_the_words_are_the_fields() -> None:
    """One word, one meaning: see the glossary of CONTRIBUTING.md."""
    assert [line for path in files(ROOT) for line in private_words(path)] == []


@pytest.mark.parametrize(
    ("source", "check"),
    [
        ("from scoring.answers.score import x", upward),
        ("from scoring.nowhere.score import x", upward),
        ("from scoring.text.hidden import x", back_doors),
        ("import features.spec.hidden", back_doors),
    ],
)
def test_a_wrong_import_is_seen(tmp_path: Path, source: str, check: object) -> None:
    """An arrow up, a room without a place, a module that a room does not name, in this package and in another."""
    for room in ("scoring/text", "scoring/answers", "features/spec", "scoring/models"):
        (tmp_path / room).mkdir(parents=True)
        (tmp_path / room / "__init__.py").write_text('"""A room."""\n\n__all__ = ["score"]\n')
    (tmp_path / "scoring/models/model.py").write_text(f"from scoring.text.score import y\n{source}\n")

    assert callable(check)
    assert len(check(tmp_path)) == 1
