"""What there is to say of the data, in words."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from scoring.text.catalogue import texts
from scoring.text.data_notes import noted

FEATURES = Path(__file__).parents[3] / "features"


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
    note = {"rule": rule, "detail": "as written", "figures": figures}

    assert said in noted(note, "fr")
    assert noted(note, "en") == "As written."


def test_every_note_has_words() -> None:
    """Each rule that features give a note of is told in French."""
    calls = [
        call
        for path in FEATURES.glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("Note", "_said")
    ]
    rules = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}

    assert len(rules) == 13
    assert {f"noted_{rule}" for rule in rules} == {key for key in texts("fr") if key.startswith("noted_")}
