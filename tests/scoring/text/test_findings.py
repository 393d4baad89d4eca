"""What a training found doubtful, in words."""

from __future__ import annotations

from typing import Any

import pytest

from features.spec.feature import Finding
from scoring.text.findings import finding_text


@pytest.mark.parametrize(
    ("rule", "figures", "said"),
    [
        ("small_sample", {}, "Peu d'issues pour apprendre"),
        ("base_rate_shift", {"train": 0.117, "test": 0.2}, "passé de 11,7\u202f% à l'apprentissage à 20,0\u202f%"),
        ("filled_in_part", {"earliest": 0.0, "latest": 0.98}, "premières lignes et dans 98,0"),
        ("outside_learned_range", {"share": 1.0}, "lignes d'apprentissage en ont."),
        ("outside_learned_range", {"share": 1.0, "left_out": True}, "la régression ne l'emploie pas."),
        ("calibration", {"error": 0.033}, "s'écartent de 0,033"),
        (
            "baseline_not_beaten",
            {"bar": "rfm_logit", "mean": 0.001, "low": -0.002, "high": 0.004},
            "de −0,0020 à 0,0040",
        ),
        ("baseline_not_beaten", {"bar": None}, "Aucune référence"),
        ("separates_alone", {"auc": 0.9987, "accepted": "su au guichet"}, "(AUC 0,999). Accepté\u00a0: su au guichet"),
        ("identifier_tells", {"what": "last digit", "auc": 1.0}, "son dernier chiffre désigne l'issue (AUC 1,000)"),
        (
            "one_class_only",
            {
                "where": "span",
                "first": "1.5",
                "last": "9",
                "rows": 1200,
                "hits": 1200,
                "kind": "positive",
                "beside": 0.5,
            },
            "Va de 1.5 à 9 dans 1\u202f200 lignes, dont 1\u202f200 positives",
        ),
        ("sees_the_future", {"cutoff": "1998-04-02"}, "à partir du 2 avril 1998"),
        ("early_timestamp", {"events": 1200, "start": "1998-04-01"}, "1\u202f200 événements"),
    ],
)
def test_a_finding_is_told_in_french_by_its_figures(rule: str, figures: dict[str, Any], said: str) -> None:
    """In English as it was written."""
    finding = Finding(rule, None, "warn", "As written.", figures)

    french, english = finding_text(finding, "fr"), finding_text(finding, "en")

    assert said in french.detail
    assert (french.foreign, english.foreign, english.detail) == (False, False, "As written.")


@pytest.mark.parametrize(
    "finding",
    [
        Finding("separates_alone", "x", "warn", "As written."),
        Finding("of_tomorrow", "x", "warn", "As written.", {"auc": 1.0}),
    ],
)
def test_a_finding_without_words_stays_as_it_was_written(finding: Finding) -> None:
    """An older version's has no figures; it is marked as English."""
    told = finding_text(finding, "fr")

    assert (told.detail, told.foreign) == ("As written.", True)
