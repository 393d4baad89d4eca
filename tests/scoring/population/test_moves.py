"""Moves between two days: they add up, name the rule that flipped, and say all that keeps them from being explained."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scoring.answers.served_release import Live
from scoring.answers.wire import Move
from scoring.population.days import day_folder, open_day
from scoring.population.forget import forget_old
from scoring.population.moves import AskedMove, MoveError, customer_move
from scoring.privacy import suppression
from scoring.releases.store import load_release, release_folder
from scoring.segments.assignment import DEFAULT, install_policy
from scoring.segments.policy import Policy
from scoring.segments.policy_file import read_policy
from tests.support.days import sealed_anew
from tests.support.models import release_shop
from tests.support.moved_days import ABSENT, CUSTOMERS, FIRST, LAST, write_moved_day

POLICY = """
use_cases = ["churn", "propensity"]
[[segment]]
code = "online"
label = { fr = "En ligne", en = "Online" }
rule = "\\"canal d'achat\\" = 'web' AND purchases_90d >= 4"
stay = "purchases_90d >= 2"
[[segment]]
code = "leaving"
label = { fr = "Sur le départ", en = "Leaving" }
rule = "churn.highest_band AND churn.status = 'scored'"
[[segment]]
code = "rest"
label = { fr = "Autres", en = "Others" }
rule = "TRUE"
[[segment]]
code = "likely"
label = { fr = "Probables", en = "Likely" }
rule = "propensity.score > 40"
level = 2
parent = "rest"
"""


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two releases, and a later one of churn that is not in service."""
    home, scratch = tmp_path_factory.mktemp("releases"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "propensity", scratch=scratch, forbid=["purchases_90d"])
    release_shop(home, "churn", "2", scratch=scratch, polarity="negative", seed=9)
    release_shop(home, "churn", scratch=scratch, polarity="negative", seed=1)
    return home


@pytest.fixture
def home(releases: Path, tmp_path: Path) -> Path:
    """A copy to write to."""
    return shutil.copytree(releases, tmp_path / "home")


@pytest.fixture(scope="module")
def written(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two days by the releases in service; read only."""
    home = shutil.copytree(releases, tmp_path_factory.mktemp("written") / "home")
    write(home, FIRST, 3)
    write(home, LAST, 4)
    return home


@pytest.fixture
def two_days(written: Path, tmp_path: Path) -> Path:
    """A copy to write to."""
    return shutil.copytree(written, tmp_path / "home")


def release(home: Path, name: str, version: str = "1") -> Live:
    """One of its releases."""
    return Live(load_release(home, name, version=version))


def write(home: Path, as_of: datetime, seed: int, policy: Policy = DEFAULT, *, churn: str = "1") -> None:
    """A day by a version of churn."""
    write_moved_day(home, as_of, seed, policy, versions={"churn": churn})


def served(home: Path) -> dict[str, Live]:
    """The releases in service, loaded as a server has them."""
    return {name: release(home, name) for name in ("churn", "propensity")}


def moved(
    home: Path, customer: str, use_case: str = "churn", loaded: Mapping[str, Live] | None = None, **changes: Any
) -> Move:
    """A move between the two days."""
    asked = {"first": "2026-03-01", "last": "2026-03-02", "language": "en", **changes}
    return customer_move(home, AskedMove(use_case, customer, **asked), loaded or {})


def day(home: Path, as_of: datetime) -> dict[str, dict[str, Any]]:
    """A day's rows by id, as they were written."""
    parts = sorted(day_folder(home, as_of).glob("part-*.parquet"))
    return {row["customer_id"]: row for row in pl.concat(map(pl.read_parquet, parts)).to_dicts()}


def odds(probability: float) -> float:
    """Log-odds."""
    return math.log(probability / (1 - probability))


def codes(error: MoveError) -> list[tuple[str, str]]:
    """What is wrong, and with which day."""
    return [(note.code, note.field) for note in error.notes]


@pytest.mark.parametrize("use_case", ["churn", "propensity"])
@pytest.mark.parametrize("version", ["1", "2"])
def test_contributions_add_up_to_the_change(home: Path, use_case: str, version: str) -> None:
    """Of every customer with two scores, whether the versions differ or not, to 1e-9."""
    write(home, FIRST, 3)
    write(home, LAST, 4, churn=version)
    first, last = day(home, FIRST), day(home, LAST)
    scored = f"{use_case}_probability"
    both = [one for one in CUSTOMERS if first[one][scored] is not None and last[one][scored] is not None]

    loaded = served(home)
    moves = [moved(home, customer, use_case, loaded) for customer in both]

    assert len(both) > 150
    for customer, move in zip(both, moves, strict=True):
        change = odds(last[customer][scored]) - odds(first[customer][scored])
        assert move["sum"] == pytest.approx(change, abs=1e-9)
        assert math.fsum(move["contributions"].values()) == pytest.approx(change, abs=1e-9)
        assert ("model" in move["contributions"]) == (use_case == "churn" and version == "2")
        assert move["from"]["score"] == first[customer][f"{use_case}_score"]
        assert move["to"]["probability"] == last[customer][scored]


def test_another_version_adds_what_it_says_beyond_the_earlier_one(home: Path) -> None:
    """At the earlier row; the features' parts are the later model's own."""
    write(home, FIRST, 3)
    write(home, LAST, 4, churn="2")
    old, new = release(home, "churn"), release(home, "churn", "2")
    rows = pl.read_parquet(home / "rows-3.parquet").to_dicts()

    for number in (1, 2, 3):
        row = {name: rows[number][name] for name in old.scorer.encoder.names}
        said = [
            odds(float(live.scorer.score(live.scorer.encoder.rows([(row, frozenset())]).matrix).probability[0]))
            for live in (old, new)
        ]
        move = moved(home, f"c{number}")
        if move["sum"] is not None:
            assert move["contributions"]["model"] == pytest.approx(said[1] - said[0], abs=1e-9)
            assert "version 2 after 1" in move["text"]


def test_a_row_that_did_not_change_moves_nothing(home: Path) -> None:
    """Every part is nothing, and the text says so."""
    write(home, FIRST, 3)
    write(home, LAST, 3)

    move = moved(home, "c1")

    assert set(move["contributions"].values()) == {0.0}
    assert (move["sum"], move["rules"]) == (0.0, [])
    assert "as it was on 1 March 2026" in move["text"]
    assert "as before" in move["text"]


def test_the_rules_named_are_those_that_flipped(home: Path) -> None:
    """Asked of the policy's own sentences on the rows of each day, of every customer."""
    features = {name: release(home, name).release.bundle.features for name in ("churn", "propensity")}
    policy = read_policy(POLICY, features, {}, {"churn": ["low", "medium", "high"]})
    install_policy(home, policy, POLICY)
    installed = Policy.from_json(policy.to_json(), next((home / "segments").glob("[0-9a-f]*")).name)
    write(home, FIRST, 3, installed)
    write(home, LAST, 4, installed)
    days = [day(home, FIRST), day(home, LAST)]
    sources = [{row["customer_id"]: row for row in pl.read_parquet(home / f"rows-{seed}.parquet").to_dicts()}
               for seed in (3, 4)]  # fmt: skip
    flipped, loaded = 0, served(home)

    for customer in CUSTOMERS:
        held = [by_hand(days[0][customer], sources[0][customer], member=False)]
        was = "online" in days[0][customer]["segment_path"]
        held.append(by_hand(days[1][customer], sources[1][customer], member=was))
        rules = {
            rule["code"]: (rule["before"], rule["after"]) for rule in moved(home, customer, loaded=loaded)["rules"]
        }
        assert rules == {
            code: (code in held[0], code in held[1])
            for code in ("online", "leaving", "rest", "likely")
            if (code in held[0]) != (code in held[1])
        }
        flipped += bool(rules)
    assert flipped > 50


def by_hand(placed: dict[str, Any], row: dict[str, Any], *, member: bool) -> set[str]:
    """The segments of `POLICY` whose rule holds."""
    if not {placed["churn_status"], placed["propensity_status"]} <= {"scored", "not_eligible"}:
        return set()
    web = (row["canal d'achat"] or "").strip().lower() == "web"
    bought = -1 if row["purchases_90d"] is None else row["purchases_90d"]
    held = {"rest"}
    held |= {"online"} if (web and bought >= 4) or (member and bought >= 2) else set()
    held |= {"leaving"} if placed["churn_band"] == "high" else set()
    return held | ({"likely"} if (placed["propensity_score"] or 0) > 40 else set())


def test_the_text_is_of_the_reasons_catalogue(two_days: Path) -> None:
    """In both languages: what the features said and say, and the segments by their labels; nothing forbidden."""
    loaded = served(two_days)
    texts = {
        language: [moved(two_days, one, "propensity", loaded, language=language)["text"] for one in CUSTOMERS[:80]]
        for language in ("en", "fr")
    }

    assert any("Last purchase" in text and "(before: last purchase" in text for text in texts["en"])
    assert any("Dernier achat" in text and "(avant\u00a0: dernier achat" in text for text in texts["fr"])
    assert any("changed from “" in text for text in texts["en"])
    assert any("est passé de «\u00a0" in text for text in texts["fr"])
    assert any("Other factors" in text for text in texts["en"])
    assert not any("in the last 90 days" in text for text in texts["en"])
    assert "purchases_90d" not in moved(two_days, "c1", "propensity")["contributions"]


def test_without_a_score_the_segment_still_moves(two_days: Path) -> None:
    """No contributions, no sum; the status says why."""
    placed = day(two_days, LAST)
    silent = next(one for one in CUSTOMERS if placed[one]["churn_status"] == "not_eligible")

    absent, move = moved(two_days, ABSENT), moved(two_days, silent)

    assert (absent["contributions"], absent["sum"], absent["to"]["status"]) == ({}, None, None)
    assert (move["contributions"], move["to"]["status"], move["to"]["score"]) == ({}, "not_eligible", None)
    assert "There is no score on" in move["text"]


def test_a_policy_made_anew_is_said(home: Path) -> None:
    """Each day by its own."""
    features = {name: release(home, name).release.bundle.features for name in ("churn", "propensity")}
    policy = read_policy(POLICY, features, {}, {"churn": ["low", "medium", "high"]})
    version = install_policy(home, policy, POLICY)
    write(home, FIRST, 3)
    write(home, LAST, 4, Policy.from_json(policy.to_json(), version))

    move = moved(home, "c1")

    assert {"rest"} <= {rule["code"] for rule in move["rules"] if rule["after"]}
    assert "defined anew" in move["text"]


def test_all_that_is_wrong_is_said_at_once(two_days: Path) -> None:
    """Of both days."""
    with pytest.raises(MoveError) as unknown:
        moved(two_days, "c1", first="2026-01-01", last="soon")
    with pytest.raises(MoveError) as stranger:
        moved(two_days, "nobody-7391", "uplift")

    assert codes(unknown.value) == [("unknown_day", "from"), ("unknown_day", "to")]
    assert "2026-03-01, 2026-03-02" in str(unknown.value)
    assert codes(stranger.value) == [
        (code, field) for field in ("from", "to") for code in ("unscored_use_case", "unknown_customer")
    ]
    assert "7391" not in str(stranger.value)


def test_a_thinned_day_explains_no_move(two_days: Path) -> None:
    """Its features are gone by age."""
    forget_old(two_days, date(2026, 3, 3), keep=timedelta(days=1), matured=timedelta(days=90), months=1)

    with pytest.raises(MoveError, match="gone by age") as refused:
        moved(two_days, "c1")
    assert codes(refused.value) == [("thinned_day", "from")]


def test_a_release_that_is_gone_is_named(home: Path) -> None:
    """With the day that it scored; one that is loaded need not be there."""
    write(home, FIRST, 3)
    write(home, LAST, 4, churn="2")
    loaded = release(home, "churn")
    shutil.rmtree(release_folder(home, "churn", "1"))

    with pytest.raises(MoveError, match="2026-03-01 must be kept, gone: version 1 of churn") as refused:
        moved(home, "c1")
    asked = AskedMove("churn", "c1", "2026-03-01", "2026-03-02")
    assert codes(refused.value) == [("release_gone", "from")]
    assert customer_move(home, asked, {"churn": loaded})["from"]["model_version"] == "1"


def test_a_later_model_may_read_features_that_were_not_kept(home: Path) -> None:
    """Then nothing can be said of the earlier row."""
    write(home, FIRST, 3)
    write(home, LAST, 4, churn="2")
    for part in day_folder(home, FIRST).glob("features-*.parquet"):
        pl.read_parquet(part).drop("monetary_365d").write_parquet(part)
    sealed_anew(open_day(day_folder(home, FIRST)))
    asked = AskedMove("churn", "c1", "2026-03-01", "2026-03-02")

    with pytest.raises(MoveError) as refused:
        customer_move(home, asked, {})
    assert codes(refused.value) == [("features_missing", "from")]


def test_who_objected_is_known_on_no_day(two_days: Path) -> None:
    """At once."""
    suppression.add(two_days, ["c1"])

    with pytest.raises(MoveError) as refused:
        moved(two_days, "c1")
    assert codes(refused.value) == [("unknown_customer", "from"), ("unknown_customer", "to")]


def test_a_moment_names_its_day(two_days: Path) -> None:
    """In any zone."""
    assert moved(two_days, "c2", last="2026-03-02T01:00:00+01:00") == moved(two_days, "c2")
