"""The findings of a training, on a page."""

from __future__ import annotations

from serving.console.views.findings import findings
from serving.console.web.i18n import Texts


def test_findings_on_a_french_page_keep_their_signs_with_their_words() -> None:
    """Colons and percent signs never start a line; a bundle that carries no findings shows none."""
    figures = {"auc": 0.9987, "accepted": "su au guichet"}
    finding = {"rule": "separates_alone", "feature": "x", "severity": "warn", "detail": "Alone.", "figures": figures}

    [french], [english] = (findings({"findings": [finding]}, Texts(language)) or [] for language in ("fr", "en"))

    assert french.detail.endswith("(AUC 0,999). Accepté\xa0: su au guichet")
    assert (french.rule, english.rule) == ("Sépare seule les issues", "Separates the outcomes alone")
    assert findings({}, Texts("fr")) is None
