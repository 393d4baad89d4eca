"""Counts of a use case's own through every door: learned from, posted as events, ruled by, explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from msgspec import UNSET

from features.build.log_table import scoring_table
from penchant import score
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.batch.score_files import score_file
from scoring.segments.cut_points import cuts_of
from scoring.segments.policy_file import PolicyError, read_policy
from serving.api.use_case_document import use_case_document
from serving.customers.raw_events import prepare
from tests.features.point_in_time.test_declared_counts import COUNTS, CUTOFF, odd_case, odd_log
from tests.support.models import release_log

NAMES = [str(count["name"]) for count in COUNTS]
TITLE = {"fr": "Paniers abandonnés", "en": "Carts left"}
RULES = """use_cases = ["case"]

[[segment]]
code = "left"
label = { fr = "À relancer", en = "To remind" }
rule = "abandoned_carts >= 2 AND fashion_in_june = 0"

[[segment]]
code = "rest"
label = { fr = "Autres", en = "Others" }
rule = "TRUE"
"""


@dataclass(frozen=True)
class World:
    """A log, its features by customer, and the model that learned from it."""

    folder: Path
    log: pl.DataFrame
    table: pl.DataFrame
    live: Live

    @property
    def home(self) -> Path:
        """Where the model is in service."""
        return self.folder / "home"

    def posted(self) -> list[dict[str, Any]]:
        """Every customer's events with the log's own columns and spellings."""
        return [
            {"customer_id": str(customer), "events": [_event(row) for row in own.to_dicts()], "as_of": "2024-07-19"}
            for (customer,), own in self.log.sort("customer_id").group_by("customer_id", maintain_order=True)
        ]


def _event(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name != "customer_id" and value is not None}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in kept.items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Learned from and released."""
    folder = tmp_path_factory.mktemp("counts")
    counts = [{**count, "title": TITLE} if count["name"] == "abandoned_carts" else count for count in COUNTS]
    log = odd_log()
    use_case = odd_case(folder, log, counts)
    live = release_log(folder / "home", use_case)
    return World(folder, log, scoring_table(use_case, CUTOFF), live)


def test_events_posted_give_what_the_table_has(world: World) -> None:
    """To the bit, however types and levels are spelled; so the scores are those of a file."""
    prepared = prepare(world.posted(), {"case": world.live}, ["case"])

    rows = {row.pop("customer_id"): row for row in world.table.drop("eligible").to_dicts()}
    made = {profile.customer_id: profile.features.get("case") for profile in prepared}
    assert {who: features for who, features in made.items() if features is not None} == rows
    world.table.write_parquet(world.folder / "in.parquet")
    score_file({"case": world.live}, world.folder / "in.parquet", world.folder / "out.parquet")
    scored = dict(pl.read_parquet(world.folder / "out.parquet").select("customer_id", "probability").iter_rows())
    answers = score_profiles({"case": world.live}, prepared, use_cases=["case"])
    of_events = {row["customer_id"]: row["scores"]["case"].get("probability") for row in answers}
    assert {who: of_events[who] for who in scored} == scored
    by_notebook = score(world.table, use_case="case", home=world.home)
    assert dict(by_notebook.select("customer_id", "probability").iter_rows()) == scored


def test_a_bundle_says_what_its_counts_count(world: World) -> None:
    """In the words of the use case, with the days that a period takes in; GET /v1/use-cases/{name} hands it on."""
    document = use_case_document(world.live)

    assert document.events is not UNSET
    counts = {count["name"]: count for count in document.events["counts"]}
    assert list(counts) == NAMES
    assert counts["minus"] == {
        "name": "minus", "event": "Achat", "window_days": 400, "where": {"Rayon": ["a-"], "size": ["12"]}
    }  # fmt: skip
    assert counts["abandoned_minus"]["unless"] == "Achat"
    assert counts["abandoned_minus"]["within_hours"] == 7 * 24
    assert counts["near_any"]["days"][-1] == ["2024-04-28", "2024-05-04"]


def test_a_rule_reads_a_count(world: World) -> None:
    """By its name, as any feature; another name is no feature."""
    bundle = world.live.release.bundle
    known = ({"case": bundle.features}, {"case": cuts_of(bundle)}, {"case": bundle.ladder.codes})
    profiles = [
        {"customer_id": row.pop("customer_id"), "features": row}
        for row in world.table.drop("eligible").sort("customer_id").to_dicts()
    ]

    answers = score_profiles({"case": world.live}, profiles, policy=read_policy(RULES, *known))

    segments = {row["customer_id"]: row["segment"] and row["segment"]["code"] for row in answers}
    left = (pl.col("abandoned_carts") >= 2) & (pl.col("fashion_in_june") == 0)
    expected = set(world.table.filter(left)["customer_id"])
    assert {who for who, code in segments.items() if code == "left"} == expected != set()
    with pytest.raises(PolicyError, match="abandoned_cart"):
        read_policy(RULES.replace("abandoned_carts", "abandoned_cart"), *known)


def test_a_count_is_explained_by_its_title(world: World) -> None:
    """In both languages; without one by its name."""
    profile = {"customer_id": "c", "features": world.table.drop("customer_id", "eligible").row(0, named=True)}

    texts = {
        language: {reason["feature"]: reason["text"] for reason in row["scores"]["case"]["reasons"]}
        for language in ("en", "fr")
        for row in score_profiles({"case": world.live}, [profile], reasons=20, language=language)
    }

    named = [feature.name for feature in world.live.release.bundle.features if feature.family == "count"]
    assert named == NAMES
    titles = {name: (f"“{name.replace('_', ' ')}”", f"« {name.replace('_', ' ')} »") for name in NAMES}
    titles["abandoned_carts"] = (TITLE["en"], TITLE["fr"])
    shown = [name for name in NAMES if name in texts["en"]]
    assert shown
    assert all(texts["en"][name].startswith(f"{titles[name][0]} in the last ") for name in shown)
    assert all(texts["fr"][name].startswith(f"{titles[name][1]} sur les ") for name in shown)
