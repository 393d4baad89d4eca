"""Texts and numbers of the two languages."""

from __future__ import annotations

from serving.console.web.i18n import Texts


def test_numbers_follow_the_language() -> None:
    """French decimals, blanks and dates; a minus that is one; no sign on what shows as zero."""
    french, english = Texts("fr"), Texts("en")

    assert (english.percent(0.62, 0), french.percent(0.62, 0)) == ("62%", "62\u202f%")
    assert (english.signed(-1.234), french.signed(0.5)) == ("\u22121.23", "+0,50")
    assert english.signed(-0.001) == "0.00"
    assert french.date("1998-04-02") == "2 avril 1998"
    assert french.between(1, 2, 1) == "[1,0\u202f; 2,0]"
