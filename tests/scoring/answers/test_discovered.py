"""Learned clusters beside scores: the same by every way in, with reasons that add up, and as names in rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from msgspec import structs

from features.spec.feature import Feature
from scoring.answers.discovered import fits
from scoring.answers.explain import explain_profile
from scoring.answers.flat import flat_results
from scoring.answers.policy_proof import read_and_prove
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live, open_live
from scoring.batch.table_answers import score_table
from scoring.encoding.block import Block
from scoring.releases.current_pointer import released_use_cases
from scoring.segments.assignment import DEFAULT
from scoring.segments.learned import LearnedFeature, NearestCentroid
from scoring.segments.segmentation_bundle import columns_of
from scoring.segments.segmentation_release import load_segmentation
from scoring.segments.sql import segment_sql
from tests.support.models import SHOP, release_shop, shop_rows
from tests.support.segmented import LEARNED_SHOP, release_habits

ROWS = [*shop_rows(200, seed=3), dict.fromkeys((feature.name for feature in SHOP), None)]
PROFILES = [{"customer_id": f"c{number}", "features": row} for number, row in enumerate(ROWS)]
POLICY = """
use_cases = ["churn"]

[[segment]]
code = "regulars"
label = { en = "Regulars", fr = "Habitués" }
rule = "discovered.habits = 'group_1' AND discovered.habits_margin > 0.5"
minimum_stay = "30d"

[[segment]]
code = "others"
label = { en = "Others", fr = "Autres" }
rule = "discovered.habits IN ('group_1', 'group_2') OR discovered.habits IS NULL"

[[segment]]
code = "silent"
label = { en = "Silent", fr = "Silencieux" }
rule = "TRUE"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with releases of two use cases and a segmentation that reads them."""
    folder, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("scratch")
    release_shop(folder, "churn", scratch=scratch, polarity="negative", seed=1)
    release_shop(folder, "propensity", scratch=scratch)
    release_habits(folder, scratch)
    return folder


@pytest.fixture(scope="module")
def live(home: Path) -> dict[str, Live]:
    """Both, loaded."""
    return open_live(home, released_use_cases(home))


def places(results: Any) -> list[Any]:
    """What each result says of the segmentation."""
    return [result.get("discovered", {}).get("habits") for result in results]


def table(rows: list[dict[str, Any]]) -> pa.Table:
    """Posted rows as a table with ids."""
    return pa.table(
        {"customer_id": [f"c{number}" for number in range(len(rows))]}
        | {feature.name: [row[feature.name] for row in rows] for feature in SHOP}
    )


def block_of(live: dict[str, Live]) -> Block:
    """The profiles as a request of one shape has them."""
    shape = live["churn"].scorer.encoder.shape
    typed = [
        {
            name: float(value) if isinstance(value, int) and kind == "number" else value
            for name, kind in shape
            for value in (row[name],)
        }
        for row in ROWS
    ]
    return Block.of([(f"c{number}", row) for number, row in enumerate(typed)], shape)


def test_every_way_in_finds_the_same(live: dict[str, Live]) -> None:
    """One by one, at once, as a block, and as a table: code, margin and next to the bit; nothing of who is unknown."""
    together = places(score_profiles(live, PROFILES))

    alone = [places(score_profiles(live, [profile]))[0] for profile in PROFILES]
    block = places(score_profiles(live, block_of(live)))
    batch = score_table(live, table(ROWS))
    assert alone == together == block
    assert together[-1] is None
    assert {place["code"] for place in together[:-1]} == {"group_1", "group_2", "group_3"}
    for column, key in (("cluster", "code"), ("cluster_margin", "margin"), ("cluster_next", "next")):
        assert batch.column(f"habits_{column}").to_pylist() == [place and place[key] for place in together]


def test_training_finds_the_same(live: dict[str, Live]) -> None:
    """Of columns as a learning table has them: numbers, and levels in their one spelling."""
    rows = ROWS[:-1]
    spelled = live["churn"].scorer.encoder.as_scored("canal d'achat", [row["canal d'achat"] for row in rows])
    numbers = [{**row, "subscribed": None if row["subscribed"] is None else float(row["subscribed"])} for row in rows]
    columns = columns_of(
        [{**row, "canal d'achat": level} for row, level in zip(numbers, spelled, strict=True)], LEARNED_SHOP
    )
    nearest = NearestCentroid(LEARNED_SHOP)

    found = nearest.assign(nearest.raw_of(columns))

    served = places(score_profiles(live, PROFILES[:-1]))
    assert [LEARNED_SHOP.codes[which] for which in found.which] == [place["code"] for place in served]
    assert found.margin.tolist() == [place["margin"] for place in served]


@pytest.mark.parametrize("count", [1, 2, 20])
def test_reasons_add_up_to_the_margin(live: dict[str, Live], count: int) -> None:
    """To 1e-9, however many are asked for; the strongest first, the rest as one."""
    for place in places(score_profiles(live, PROFILES[:-1], reasons=count)):
        amounts = [reason["contribution"] for reason in place["reasons"]]
        assert abs(sum(amounts) - place["margin"]) <= 1e-9
        named = amounts[:-1] if place["reasons"][-1]["code"] == "other_factors" else amounts
        assert [abs(amount) for amount in named] == sorted(map(abs, named), reverse=True)
        assert len(named) == min(count, 4)
        assert all(reason["text"] for reason in place["reasons"])


def test_reasons_of_a_batch_are_those_of_http(live: dict[str, Live]) -> None:
    """Feature, text and contribution; flat results have the columns of a batch."""
    one = {"churn": live["churn"]}
    results = score_profiles(one, PROFILES, reasons=3, language="fr")

    batch = score_table(one, table(ROWS), reasons=3, language="fr")
    flat = flat_results(one, results, None, 3, policy=DEFAULT)
    for column in [name for name in batch.column_names if name.startswith("habits_")]:
        assert [row[column] for row in flat] == batch.column(column).to_pylist(), column
    assert sum(name.startswith("habits_") for name in batch.column_names) == 3 + 3 * 3


def test_an_explanation_has_every_reason(live: dict[str, Live]) -> None:
    """Beside those of the score, in the reader's language."""
    place = explain_profile(live["churn"], PROFILES[0], language="fr")["discovered"]["habits"]

    assert place["label"] in {"Récents, fréquents", "Occasionnels", "Groupe 3, petit"}
    assert len(place["reasons"]) == 4
    assert "discovered" not in explain_profile(live["churn"], PROFILES[-1])


def test_rules_read_clusters_the_same_everywhere(home: Path, live: dict[str, Live]) -> None:
    """By HTTP, by batch, and as SQL over what a batch wrote."""
    policy, _ = read_and_prove(home, POLICY)

    results = score_profiles(live, PROFILES, policy=policy)
    batch = score_table(live, table(ROWS), policy=policy)
    codes = [result["segment"] and result["segment"]["code"] for result in results]
    assert batch.column("segment").to_pylist() == codes
    assert set(codes[:-1]) == {"regulars", "others", "silent"}
    found = duckdb.connect()
    found.register("scored", batch)
    for segment in policy.segments:
        sql = segment_sql(policy, segment, {"churn": live["churn"].release.bundle.ladder.codes})
        rows = found.execute(f"SELECT {sql} FROM scored").fetchall()  # noqa: S608 our own rule
        assert [row[0] for row in rows] == [code == segment.code for code in codes]


def test_a_rule_names_codes_there_are(home: Path) -> None:
    """A cluster that is none is a fault of the policy, with those there are."""
    with pytest.raises(ValueError, match=r"group_1, group_2, group_3.*got group_9"):
        read_and_prove(home, POLICY.replace("'group_2'", "'group_9'"))


def test_a_segmentation_reads_only_who_has_its_features(home: Path, live: dict[str, Live]) -> None:
    """Of its name, its meaning and with its levels; else answers go without it."""
    release = load_segmentation(home, "habits")
    manifest, learned = release.bundle.manifest, release.bundle.learned
    served = live["churn"].release.bundle
    other = Feature("purchases_90d", "integer", "frequency", event="purchase", window_days=30)
    level = LearnedFeature(name="canal d'achat", kind="level", level="Market")

    assert fits(release, served)
    for changed in (
        {"manifest": structs.replace(manifest, features=(*manifest.features, Feature("other", "number")))},
        {"manifest": structs.replace(manifest, features=(other, *manifest.features[1:]))},
        {"learned": structs.replace(learned, features=(*learned.features[:-1], level))},
    ):
        changes: dict[str, Any] = changed
        assert not fits(replace(release, bundle=replace(release.bundle, **changes)), served)
