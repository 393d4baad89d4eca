from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from features.spec.feature import Feature, FeatureType
from features.spec.languages import LANGUAGES
from scoring.answers.served_release import Live
from scoring.bundle.bundle import Bundle
from scoring.bundle.families import OTHER_FACTORS
from scoring.reasons.reason_columns import reason_columns
from scoring.reasons.reasons import is_favourable, named_contributions, top_reasons
from scoring.reasons.sentences import described, sentence
from scoring.text.formatting import catalogue

ORDER = {"event": "order", "lower": 0.0}


@pytest.mark.parametrize(
    ("feature", "value", "fr", "en"),
    [
        (Feature("days_since_purchase", "number", "recency", "days", event="purchase"), 12,
         "Dernier achat il y a 12 jours", "Last purchase 12 days ago"),
        (Feature("days_since_order", "number", "recency", "days", event="order"), 1.2,
         "Dernière commande il y a 1 jour", "Last order 1 day ago"),
        (Feature("days_since_order", "number", "recency", "days", event="order"), None,
         "Aucune commande à ce jour", "No order so far"),
        (Feature("orders_90d", "integer", "frequency", "orders", event="order", window_days=90), 0,
         "Aucune commande sur les 90 derniers jours", "No order in the last 90 days"),
        (Feature("orders_90d", "integer", "frequency", "orders", event="order", window_days=90), 1,
         "1 commande sur les 90 derniers jours", "1 order in the last 90 days"),
        (Feature("orders_total", "integer", "frequency", "orders", event="order"), 14,
         "14 commandes au total", "14 orders in all"),
        (Feature("monetary_365d", "number", "monetary", "EUR", window_days=365), 1234.5,
         "Montant sur les 365 derniers jours : 1\u202f234,50 EUR", "Amount in the last 365 days: 1,234.50 EUR"),
        (Feature("reactivity_share", "number", "reactivity", "share", event="send", window_days=90, subject="48"), 0.4,
         "Part estimée des messages reçus sur les 90 derniers jours ayant eu une réponse en moins de 48 h : 40\u202f%",
         "Estimated share of the mails received in the last 90 days answered within 48 h: 40%"),
        (Feature("reactivity_median_hours", "number", "reactivity", "hours", event="send", window_days=90,
                 subject="48"), 3,
         "Délai médian de réponse aux messages reçus sur les 90 derniers jours : 3 heures",
         "Median time to answer the mails received in the last 90 days: 3 hours"),
        (Feature("reactivity_median_hours", "number", "reactivity", "hours", event="send", window_days=90,
                 subject="48"), None,
         "Aucune réponse en moins de 48 h aux messages reçus sur les 90 derniers jours",
         "No answer within 48 h to mails received in the last 90 days"),
        (Feature("open_rate_30d", "number", "engagement", "share", window_days=30), 0.62,
         "Taux d'ouverture sur les 30 derniers jours : 62\u202f%", "Open rate in the last 30 days: 62%"),
        (Feature("orders_30d_share", "number", "trend", "share", event="order", window_days=365, subject="30"), 0.5,
         "50\u202f% des commandes sur les 365 derniers jours datent des 30 derniers jours",
         "50% of the orders in the last 365 days are of the last 30 days"),
        (Feature("tenure_days", "number", "tenure", "days"), 412, "Connu depuis 412 jours", "Known for 412 days"),
        (Feature("campaign", "integer"), 3, "campaign = 3", "campaign = 3"),
        (Feature("campaign", "integer", unit="contacts", names={"fr": "Nombre de contacts", "en": "Contacts made"}), 3,
         "Nombre de contacts : 3 contacts", "Contacts made: 3 contacts"),
        (Feature("actif", "boolean"), True, "actif = oui", "actif = yes"),
        (Feature("joined", "date"), "1998-04-02", "joined = 2 avril 1998", "joined = 2 April 1998"),
        (Feature("zips_30d", "integer", "frequency", event="zip_file", window_days=30), 2,
         "2 événements « zip file » sur les 30 derniers jours", "2 “zip file” events in the last 30 days"),
        (Feature("left_carts", "integer", "count", event="cart", window_days=90, subject="left carts"), 0,
         "« left carts » sur les 90 derniers jours : 0", "“left carts” in the last 90 days: 0"),
        (Feature("left_carts", "integer", "count", event="cart", window_days=90, subject="left carts",
                 names={"fr": "paniers abandonnés", "en": "carts left"}), 2,
         "Paniers abandonnés sur les 90 derniers jours : 2", "Carts left in the last 90 days: 2"),
    ],
)  # fmt: skip
def test_a_value_is_told_in_both_languages(
    feature: Feature, value: bool | float | str | None, fr: str, en: str
) -> None:
    """Gender, number, units and the decimal sign follow the language."""
    assert sentence(feature, value, "fr", {}) == fr
    assert sentence(feature, value, "en", {}) == en


@pytest.mark.parametrize("group", ["activity", "count", "frequency", "property", "tenure", "firmographic"])
def test_a_trait_is_shown_as_it_is_whatever_its_group(group: str) -> None:
    """A sector grouped as `activity` is no count of active days."""
    kinds: list[tuple[FeatureType, Any]]
    kinds = [("category", "web"), ("boolean", True), ("integer", 4), ("date", "1998-04-02"), ("category", None)]
    for kind, value in kinds:
        trait = Feature("sector", kind, group, subject="Sector")
        for language in LANGUAGES:
            assert sentence(trait, value, language, {}).startswith("sector = ")
            assert described(trait, language, {}) == "sector"


def test_the_catalogue_says_the_same_things_in_both_languages() -> None:
    """No sentence, event or unit exists in one language only."""
    texts = catalogue()["texts"]
    assert texts["fr"].keys() == texts["en"].keys()
    for entry in [*catalogue()["events"].values(), *catalogue()["units"].values()]:
        assert set(entry) == set(LANGUAGES)


def test_reasons_are_the_strongest_first_and_say_good_or_bad_news(live: dict[str, Live]) -> None:
    """By |contribution|; a reason that raises churn is bad news, one that raises propensity is good news."""
    for served in live.values():
        bundle = served.release.bundle
        reasons = top_reasons(
            bundle, [10.0, 3.0, 50.0, 1.0, 10000.0, 0.0], np.array([0.1, -0.9, 0.0, 0.5, -0.2, 0.3]), 4, "en"
        )

        assert [reason["feature"] for reason in reasons] == [
            "purchases_90d",
            "subscribed",
            "canal d'achat",
            "joined on",
        ]
        assert [reason["direction"] for reason in reasons] == ["lowers", "raises", "raises", "lowers"]
        assert [reason["favourable"] for reason in reasons] == [bundle.polarity == d for d in
                ("negative", "positive", "positive", "negative")]  # fmt: skip
    assert is_favourable(0.1, "positive")
    assert not is_favourable(0.1, "negative")


def test_equal_contributions_are_ordered_by_name(live: dict[str, Live]) -> None:
    """In an answer and in the columns of a batch alike, other factors among them."""
    whole = live["churn"].release.bundle
    bundle = Bundle(replace(whole.manifest, forbid=("subscribed", "joined on")), whole.model, (), {})
    row, amounts = [10.0, 3.0, 50.0, 1.0, 10000.0, 0.0], np.array([0.3, -0.3, 0.3, 0.1, 0.2, -0.3])

    reasons = top_reasons(bundle, row, amounts, 20, "en")
    columns = reason_columns(bundle, np.array([row]), amounts[None], 5, "en")

    names = ["canal d'achat", "days_since_purchase", "monetary_365d", OTHER_FACTORS, "purchases_90d"]
    assert [reason["feature"] for reason in reasons] == names
    assert [columns[f"reason_{rank}_feature"][0].as_py() for rank in range(1, 6)] == names
    assert reasons[3]["contribution"] == columns["reason_4_contribution"][0].as_py() == 0.3


def test_a_forbidden_feature_is_used_and_never_named(live: dict[str, Live]) -> None:
    """Its contribution is told as other factors, so that the sum still holds."""
    whole = live["churn"].release.bundle
    bundle = Bundle(replace(whole.manifest, forbid=("subscribed", "joined on")), whole.model, (), {})
    amounts = np.array([0.1, -0.2, 0.0, 0.5, 0.4, 0.3])

    reasons = top_reasons(bundle, [10.0, 3.0, 50.0, 1.0, 10000.0, 0.0], amounts, 20, "fr")
    named = named_contributions(bundle, amounts)

    assert reasons[0]["text"] == "Autres facteurs"
    assert reasons[0]["contribution"] == pytest.approx(0.9)
    assert {"subscribed", "joined on"}.isdisjoint({*named, *(reason["feature"] for reason in reasons)})
    assert named[OTHER_FACTORS] == pytest.approx(0.9)
    assert sum(named.values()) == pytest.approx(amounts.sum())
