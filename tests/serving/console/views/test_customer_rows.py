"""The list of customers in words."""

from __future__ import annotations

import pytest

from features.spec.languages import Language
from serving.console.views.customer_rows import family
from serving.console.web.i18n import Texts


@pytest.mark.parametrize(
    ("language", "code", "said"),
    [
        ("fr", "firmographic", "l'entreprise"),
        ("en", "measure", "what was measured of events"),
        ("fr", "habitat_urbain", "habitat urbain"),
    ],
)
def test_every_family_of_reasons_has_a_text(language: Language, code: str, said: str) -> None:
    """One that only the use case knows is called as it calls it, never by a key of ours."""
    assert family(code, Texts(language)) == said
