"""Texts and numbers of the two languages."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

from scoring.text import messages
from serving.console.web import i18n
from serving.console.web.i18n import Texts


def test_numbers_follow_the_language() -> None:
    """French decimals, blanks and dates; a minus that is one; no sign on what shows as zero."""
    french, english = Texts("fr"), Texts("en")

    assert (english.percent(0.62, 0), french.percent(0.62, 0)) == ("62%", "62\u202f%")
    assert (english.signed(-1.234), french.signed(0.5)) == ("\u22121.23", "+0,50")
    assert english.signed(-0.001) == "0.00"
    assert french.date("1998-04-02") == "2 avril 1998"
    assert french.between(1, 2, 1) == "[1,0\u202f; 2,0]"


def test_a_key_has_one_text() -> None:
    """Tables are for the reader only: a key of two of them, or of the messages, would have one text put out of use."""
    tables = tomllib.loads(Path(i18n.__file__).with_name("texts.toml").read_text(encoding="utf-8"))
    keys = Counter(key for table in tables.values() for key in table)

    assert [key for key, count in keys.items() if count > 1] == []
    assert keys.keys() & messages.texts("en").keys() == set()
