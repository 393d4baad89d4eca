"""Names of groups: words of a catalogue, by which no two groups are mistaken for each other."""

from __future__ import annotations

from features.spec.feature import Feature
from scoring.reasons.persona_names import Distinguishing, group_names

SILENT = Feature("days_since_purchase", "number", "recency", event="purchase")
MANY = Feature("purchases_total", "number", "frequency", event="purchase")


def differing(*found: tuple[Feature, float]) -> list[Distinguishing]:
    """What a group differs by."""
    return [Distinguishing(feature, "number", None, by) for feature, by in found]


def test_groups_of_the_same_words_are_told_apart_by_how_far_they_go() -> None:
    """Whatever the order of the words; the others keep their names."""
    names = group_names(
        {
            "group_1": differing((SILENT, 0.6), (MANY, -0.6)),
            "group_2": differing((SILENT, -0.8), (MANY, 0.6)),
            "group_3": differing((MANY, 2.2), (SILENT, -1.7)),
        },
        {},
    )

    assert {code: name["en"] for code, name in names.items()} == {
        "group_1": "Long silent, occasional",
        "group_2": "Recent, frequent",
        "group_3": "Frequent, recent (markedly)",
    }
    assert names["group_3"]["fr"] == "Fréquents, récents (nettement)"


def test_no_two_groups_have_one_name() -> None:
    """Those that differ by the same, and as much, are numbered."""
    names = group_names({f"group_{number}": differing((SILENT, 0.6)) for number in range(1, 4)}, {})

    assert len({name["en"] for name in names.values()}) == 3
