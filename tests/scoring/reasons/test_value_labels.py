"""Labels of values: read wherever a value is shown to a person, and of no effect on any number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from msgspec import structs

from features.spec.feature import Feature
from features.spec.languages import LANGUAGES, Language
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.batch.table_answers import score_table
from scoring.bundle.bundle import Bundle
from scoring.reasons.sentences import described, sentence, text_of
from tests.support.models import shop_rows

TEXTS: dict[Language, dict[str, str]] = {
    "en": {"web": "online shop", "Store": "city shop"},
    "fr": {"web": "boutique en ligne", "Store": "boutique en ville"},
}
COLUMN = "canal d'achat"


@pytest.fixture(scope="module")
def labelled(live: dict[str, Live]) -> dict[str, Live]:
    """The shop's models with labels of the category."""
    labels = {language: {COLUMN: texts} for language, texts in TEXTS.items()}
    found = {}
    for name, served in live.items():
        bundle = served.release.bundle
        manifest = structs.replace(bundle.manifest, labels=labels, title={"fr": "Titre", "en": "Title"})
        found[name] = Live(replace(served.release, bundle=Bundle(manifest, bundle.model, bundle.golden, bundle.files)))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_label_changes_the_text_of_its_value_and_nothing_else(
    live: dict[str, Live], labelled: dict[str, Live], language: Language
) -> None:
    """Every answer is what it was but for these texts; no text shows a value that has a label."""
    profiles = [{"customer_id": f"c{at}", "features": row} for at, row in enumerate(shop_rows(150))]

    plain, said = (score_profiles(one, profiles, reasons=6, language=language) for one in (live, labelled))

    seen = set()
    for before, after in zip(_reasons(plain), _reasons(said), strict=True):
        label = TEXTS[language].get(str(before["value"])) if before["feature"] == COLUMN else None
        if label is not None:
            seen.add(label)
            assert after["text"].endswith(label)
            before["text"] = after["text"]
    assert seen == {*TEXTS[language].values()}
    assert plain == said


def test_a_batch_has_the_texts_of_answers(labelled: dict[str, Live]) -> None:
    """Row by row, in both languages."""
    rows = shop_rows(80, seed=4)
    table = pa.table({name: [row[name] for row in rows] for name in rows[0]})
    profiles = [{"customer_id": f"c{at}", "features": row} for at, row in enumerate(rows)]

    for language in LANGUAGES:
        columns = score_table(labelled, table, reasons=3, language=language)
        for name in labelled:
            answers = score_profiles(labelled, profiles, reasons=3, language=language)
            scores = [answer["scores"][name] for answer in answers]
            for rank in range(3):
                texts = [score["reasons"][rank]["text"] if "reasons" in score else None for score in scores]
                assert columns[f"{name}_reason_{rank + 1}_text"].to_pylist() == texts


def test_a_reason_that_was_kept_is_read_by_its_label(labelled: dict[str, Live]) -> None:
    """As the list of customers makes its texts, whichever spelling was kept."""
    bundle = labelled["churn"].release.bundle

    assert text_of(bundle, COLUMN, "boutique", "en") == f"{COLUMN}: city shop"
    assert text_of(bundle, COLUMN, None, "en") == f"{COLUMN} = not known"


@pytest.mark.parametrize(
    ("feature", "value", "labels", "said"),
    [
        (Feature("member", "boolean"), True, {"true": "member of the club"}, "member: member of the club"),
        (Feature("member", "boolean"), False, {"true": "member of the club"}, "member = no"),
        (Feature("rank", "integer", names={"en": "Rank"}), 2, {"2": "second"}, "Rank: second"),
        (
            Feature("purchases_channel_web_90d", "integer", "property", event="purchase", window_days=90,
                    subject="channel: web"),
            3, {"web": "online shop"}, "3 purchases with “online shop” in the last 90 days",
        ),
    ],
)  # fmt: skip
def test_any_value_may_have_a_label(feature: Feature, value: Any, labels: dict[str, str], said: str) -> None:
    """An answer, a number, and the level that a feature counts."""
    assert sentence(feature, value, "en", labels) == said
    if feature.family == "property":
        assert described(feature, "en", labels) == "With “online shop” in the last 90 days"


def _reasons(answers: Any) -> list[Any]:
    """Every reason of every score."""
    return [reason for answer in answers for score in answer["scores"].values() for reason in score.get("reasons", ())]
