"""Reasons of a state as sentences."""

from __future__ import annotations

import tomllib
from pathlib import Path
from string import Formatter

from features.spec.languages import LANGUAGES
from scoring.text import health_reasons
from scoring.text.health_reasons import Shown, health_action, health_text

FILE = Path(health_reasons.__file__).with_suffix(".toml")


def test_every_reason_is_there_in_both_languages_with_the_same_figures() -> None:
    """A figure that one language names the other names too."""
    for code, forms in tomllib.loads(FILE.read_text(encoding="utf-8"))["reason"].items():
        named = [{field for _, field, _, _ in Formatter().parse(forms[one]) if field} for one in LANGUAGES]

        assert named[0] == named[1], code


def test_a_reason_names_its_figures() -> None:
    """In the way the reader writes numbers."""
    values: dict[str, Shown] = {"day": "2026-03-01", "gain": -0.01234, "low": -0.02, "high": -0.0045}

    assert "lost 0.0123 of log-loss to it (at least 0.0045)" in health_text("behind_rfm", values, "en")
    assert "0,0123" in health_text("behind_rfm", values, "fr")


def test_an_unknown_reason_is_its_code() -> None:
    """A document of later code is shown as far as it goes."""
    assert health_text("something_new", {"x": 1}, "fr") == "something_new"


FINE = {"no_outcome", "no_outcome_until", "too_few", "as_learned"}  # nothing is to be done about these


def test_every_reason_names_one_thing_to_do() -> None:
    """In both languages, by figures that the reason has; a reason that is new here gets one too, or is fine."""
    texts = tomllib.loads(FILE.read_text(encoding="utf-8"))
    for code, forms in texts["reason"].items():
        known = {field for _, field, _, _ in Formatter().parse(forms["en"]) if field}
        if code not in FINE:
            action = texts["action"][code.removesuffix("_several")]
            assert all({f for _, f, _, _ in Formatter().parse(action[one]) if f} <= {*known, "use_case"}
                       for one in LANGUAGES), code  # fmt: skip


def test_what_to_do_names_the_use_case() -> None:
    """And of a reason that is not known it is to look."""
    assert health_action("old_model", "Churn", {"days": 120}, "en") == "Train Churn again."
    assert health_action("something_new", "Churn", {}, "fr") == "Voir la page Santé."
