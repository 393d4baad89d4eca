"""The findings of a training, on a page."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from features.spec.feature import Finding, Scalar
from scoring.bundle.manifest import read_manifest
from serving.console.views.promotions import findings
from serving.console.web.i18n import Texts
from tests.support.models import shop_manifest


def test_findings_on_a_french_page_keep_their_signs_with_their_words() -> None:
    """Colons and percent signs never start a line; a bundle that carries no findings shows none."""
    figures: dict[str, Scalar] = {"auc": 0.9987, "accepted": "su au guichet"}
    bundle = read_manifest(shop_manifest("shop", "positive", np.linspace(0.05, 0.95, 200)))
    found = replace(bundle, findings=(Finding("separates_alone", "x", "warn", "Alone.", figures),))

    [french], [english] = (findings(found, Texts(language)) or [] for language in ("fr", "en"))

    assert french.detail.endswith("(AUC 0,999). Accepté\xa0: su au guichet")
    assert (french.rule, english.rule) == ("Sépare seule les issues", "Separates the outcomes alone")
    assert findings(bundle, Texts("fr")) is None
