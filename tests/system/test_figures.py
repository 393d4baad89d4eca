"""Figures do not change unless their room's declared version does: models are trained anew by that alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.figures import FILE, ROOMS
from training.provenance import ADDED_VERSIONS, FIGURE_VERSIONS, code_revision

ROOT = Path(__file__).parents[2]
CLOSE = 1e-9  # of a figure, or of 1 where it is smaller
# What these rooms give is text, files or commands; a room is in one of the two lists.
NO_FIGURES = {
    "features": {"config", "landing", "quality", "scaffold"},
    "training": {"lookalike", "registry", "report", "segmentation"},
}


EVERY_VERSION = {**FIGURE_VERSIONS, **ADDED_VERSIONS}


@pytest.mark.parametrize("room", EVERY_VERSION)
def test_figures_change_with_their_version_only(room: str) -> None:
    """To 1e-9; where a change is meant, raise the room's version and run `python -m tests.support.figures`."""
    kept = json.loads(FILE.read_text(encoding="utf-8"))[room]

    figures = ROOMS[room]()

    assert kept["version"] == EVERY_VERSION[room], "run `python -m tests.support.figures`"
    assert figures.keys() == kept["figures"].keys()
    changed = {
        name: (kept["figures"][name], value)
        for name, value in figures.items()
        if not abs(value - kept["figures"][name]) <= CLOSE * max(1.0, abs(value))
    }
    assert changed == {}, f"raise the version of {room} in FIGURE_VERSIONS, then run `python -m tests.support.figures`"


@pytest.mark.parametrize("package", NO_FIGURES)
def test_every_room_declares_whether_it_makes_figures(package: str) -> None:
    """A new room is either versioned or named as one without figures."""
    rooms = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}

    versioned = {name.partition(".")[2] for name in EVERY_VERSION if name.startswith(f"{package}.")}

    assert versioned | NO_FIGURES[package] == rooms
    assert not versioned & NO_FIGURES[package]


def test_the_code_revision_is_of_versions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is read for it; a raised version makes another."""
    before = code_revision()
    monkeypatch.setattr(Path, "read_bytes", None)

    assert code_revision() == before
    monkeypatch.setitem(FIGURE_VERSIONS, "training.fitting", FIGURE_VERSIONS["training.fitting"] + 1)
    assert code_revision() != before
    assert code_revision("training.value") != code_revision()
