"""What there is to say of the data, in words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features.spec.feature import NoteRecord
from scoring.text.data_notes import note_text
from scoring.text.messages import texts

SOURCES = [Path(__file__).parents[3] / name for name in ("features", "training/data")]


@pytest.mark.parametrize(
    ("rule", "figures", "said"),
    [
        (
            "silence",
            {"last_day": "2012-06-18", "next_day": "2016-01-01"},
            "entre le 18 juin 2012 et le 1er janvier 2016.",
        ),
        (
            "early_events",
            {"events": 1200, "next_day": "1998-04-01", "days": 4000},
            "4\u202f000 jours sans aucun\u00a0: 1\u202f200",
        ),
        ("cut_short", {"days": 1.5}, "jours manquants\u00a0: 1,5."),
        ("history", {"kept": 2, "asked": 9, "days": 90}, "90 jours d'historique\u00a0: 2 sur 9."),
        ("before_sign_up", {"count": 31, "column": "signed_up"}, "«\u00a0signed_up\u00a0» de leur client\u00a0: 31."),
    ],
)
def test_a_note_is_told_in_french_by_its_figures(rule: str, figures: dict[str, Any], said: str) -> None:
    """In English as it was written, as a sentence."""
    note: NoteRecord = {"rule": rule, "detail": "as written", "figures": figures}

    assert said in note_text(note, "fr")
    assert note_text(note, "en") == "As written."


def test_every_note_has_words() -> None:
    """Each rule that features and training give a note of is told in French."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for folder in SOURCES for path in folder.rglob("*.py")]
    rules = {rule for tree in trees for rule in _rules_noted(tree)}

    assert len(rules) == 22
    assert {f"noted_{rule}" for rule in rules} == {key for key in texts("fr") if key.startswith("noted_")}


def _rules_noted(tree: ast.Module) -> Iterator[str]:
    """The first argument of each call of `DataNote`, or of a function of the file that takes a rule first."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    makers = {"DataNote", *(each.name for each in functions if [one.arg for one in each.args.args[:1]] == ["rule"])}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in makers:
            yield from (str(first.value) for first in call.args[:1] if isinstance(first, ast.Constant))
