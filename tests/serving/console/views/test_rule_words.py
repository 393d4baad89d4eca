"""Rules of segments in words, by the very rules that a policy holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.spec.languages import Language
from scoring.answers.served_release import Live
from scoring.segments.rules import Rule
from serving.console.views.rule_words import rule_words
from serving.console.web.i18n import Texts
from tests.support.days import released

CHURN: Rule = ("column", "churn.score")
RECENCY: Rule = ("column", "days_since_purchase")
CHANNEL: Rule = ("column", "canal d'achat")
HIGH: Rule = ("compare", ">", CHURN, ("literal", 70))
LONG_AGO: Rule = ("compare", ">", RECENCY, ("literal", 90))


@pytest.fixture(scope="module")
def served(home: Path) -> dict[str, Live]:
    """The releases of the console's home."""
    return released(home, "churn", "propensity")


SENTENCES: list[tuple[Rule, str, str]] = [
    (
        ("and", HIGH, LONG_AGO),
        "Churn score above 70 and days since the last purchase above 90 days",
        "Score churn : plus de 70 et jours depuis le dernier achat : plus de 90 jours",
    ),
    (
        ("and", HIGH, ("or", LONG_AGO, ("null", RECENCY))),
        "Churn score above 70 and (days since the last purchase above 90 days or days since the last"
        " purchase not known)",
        "Score churn : plus de 70 et (jours depuis le dernier achat : plus de 90 jours ou jours depuis le dernier"
        " achat : inconnu)",
    ),
    (
        ("compare", "<", ("literal", 0.5), ("column", "churn.probability")),
        "Churn probability above 50.00%",
        "Probabilité churn : plus de 50,00 %",
    ),
    (("true", ("column", "churn.highest_band")), "In the highest band of churn", "Au plus haut niveau de churn"),
    (
        ("compare", "=", ("column", "churn.status"), ("literal", "not_eligible")),
        "Not eligible for churn",
        "Non éligible pour churn",
    ),
    (("compare", "<>", ("column", "churn.band"), ("literal", "high")), "Churn band other than High", ""),
    (("in", CHANNEL, ["web", "Store"]), "Canal d'achat web or Store", "Canal d'achat : web ou Store"),
    (("compare", ">", CHURN, ("column", "propensity.score")), "Churn score above “Next purchase” score", ""),
    (("is", ("column", "subscribed"), True), "Subscribed yes", "Subscribed : oui"),
    (("constant", True), "All others", "Tous les autres"),
]


@pytest.mark.parametrize(("rule", "english", "french"), SENTENCES, ids=[english for _, english, _ in SENTENCES])
def test_a_rule_is_a_sentence(served: dict[str, Live], rule: Rule, english: str, french: str) -> None:
    """With the names that features have among the reasons, values with their units, and labels of bands."""
    assert rule_words(rule, served, Texts("en")) == english
    assert not french or " ".join(rule_words(rule, served, Texts("fr")).split()) == french


OPPOSITES: list[tuple[Rule, Rule]] = [
    (HIGH, ("compare", "<=", CHURN, ("literal", 70))),
    (("and", HIGH, LONG_AGO), ("or", ("not", HIGH), ("not", LONG_AGO))),
    (("true", ("column", "churn.lowest_band")), ("is", ("column", "churn.lowest_band"), False)),
    (("constant", True), ("constant", False)),
    (("not", HIGH), HIGH),
]


@pytest.mark.parametrize(("rule", "opposite"), OPPOSITES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_rule_with_not_reads_as_its_opposite(
    served: dict[str, Live], rule: Rule, opposite: Rule, language: Language
) -> None:
    """What is not known satisfies neither, so nothing is lost."""
    said = rule_words(("not", rule), served, Texts(language))

    assert said == rule_words(opposite, served, Texts(language)) != rule_words(rule, served, Texts(language))


def test_a_name_of_no_release_stands_as_it_is() -> None:
    """A use case that is out of service takes no page with it."""
    assert rule_words(LONG_AGO, {}, Texts("en")) == "Days_since_purchase above 90"
    assert rule_words(("not", ("in", CHANNEL, ["x", "y"])), {}, Texts("en")) == "Canal d'achat other than x or y"
