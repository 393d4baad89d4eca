from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.spec.languages import LANGUAGES, Language
from scoring.answers.served_release import Live
from scoring.audiences.audience import Contacts, select_audience
from scoring.audiences.membership import Membership, SnapshotCounts, membership_after, minimum_stays
from scoring.audiences.snapshot import (
    AudienceError,
    open_snapshot,
    take_snapshot,
)
from scoring.batch.table_answers import score_table
from scoring.models.bands import published_score
from scoring.releases.store import load_release
from scoring.segments.assignment import assign_all
from scoring.segments.policy import Policy
from scoring.segments.policy_file import read_policy
from tests.scoring.segments.test_assignment import GOOD, USE_CASES
from tests.scoring.segments.test_guidance import GUIDED
from tests.support.models import release_shop, shop_rows

DAY = date(2026, 3, 1)
Change = tuple[int, str, Any]  # row, column, value


def features(path: Path, *, count: int = 300, seed: int = 4, changes: Sequence[Change] = ()) -> Path:
    """A file of customers; some cells of it changed."""
    rows = [{"customer_id": f"c{number}", **row} for number, row in enumerate(shop_rows(count, seed=seed))]
    for row, column, value in changes:
        rows[row][column] = value
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=120)
    return path


def policy_of(*, entry: int = 30, **extra: str) -> Policy:
    """The test policy, with lines added to its first segment."""
    lines = "".join(f"\n{key} = {value!r}" for key, value in extra.items())
    rule = f'rule = "propensity.score > {entry}"{lines}'
    return read_policy(GOOD.replace('rule = "propensity.score > 70 AND purchases_90d >= 2"', rule), USE_CASES)


def test_a_snapshot_says_what_batch_says_and_by_what(live: dict[str, Live], tmp_path: Path) -> None:
    """The deepest segment and the scores are those of a scored table; policy, models and date are in its metadata."""
    source, policy = features(tmp_path / "in.parquet", changes=[(9, "days_since_purchase", -4.0)]), policy_of()

    tally = take_snapshot(live, policy, source, tmp_path / "out.parquet", as_of=DAY, reasons=1)

    snapshot, scored = open_snapshot(tmp_path / "out.parquet"), score_table(live, pq.read_table(source), policy=policy)
    assert snapshot.as_of == DAY
    assert snapshot.facts["models"] == {"churn": "1", "propensity": "1"}
    assert snapshot.codes == ["hot", "rest", "hot_web"]
    for name in ("customer_id", "segment", "propensity_score", "churn_percentile", "churn_status"):
        assert snapshot.column(name) == scored.column(name).to_pylist()
    assert {tuple(path) for path in snapshot.column("path")} == {(), ("hot",), ("rest",), ("hot", "hot_web")}
    assert tally.sizes["hot"] == sum("hot" in path for path in snapshot.column("path")) > 0
    assert tally.unplaced == snapshot.column("segment").count(None) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_next_steps_leave_with_an_audience(live: dict[str, Live], tmp_path: Path, language: Language) -> None:
    """Frozen as texts of the language, of bands and of segments; with those they are of, and where they are stated."""
    release_shop(tmp_path, "churn", scratch=tmp_path, seed=1, actions={"high": {"fr": "Appeler", "en": "Call"}})
    said = {**live, "churn": Live(load_release(tmp_path, "churn"))}
    source, policy = features(tmp_path / "in.parquet"), read_policy(GUIDED, USE_CASES)

    take_snapshot(said, policy, source, tmp_path / "out.parquet", as_of=DAY, language=language)
    take_snapshot(live, policy_of(), source, tmp_path / "silent.parquet", as_of=DAY, language=language)

    snapshot, silent = open_snapshot(tmp_path / "out.parquet"), open_snapshot(tmp_path / "silent.parquet")
    step, place = {"fr": ("Appeler", "Écrire"), "en": ("Call", "Write")}[language]
    steps = set(zip(snapshot.column("churn_band"), snapshot.column("churn_action"), strict=True))
    places = set(zip(snapshot.column("segment"), snapshot.column("segment_action"), strict=True))
    assert steps == {("high", step), ("medium", None), ("low", None), (None, None)}
    assert {pair for pair in places if pair[1]} == {("rest", place)}
    assert not [name for name in silent.rows.column_names if "action" in name]
    known = Contacts(
        {f"c{number}": f"{number}@x" for number in range(300)}, {f"c{number}": True for number in range(300)}
    )
    leaving = select_audience(snapshot, "rest", contacts=known).rows
    assert [name for name in leaving.column_names if "action" in name] == ["churn_action", "segment_action"]
    assert set(leaving.column("segment_action").to_pylist()) == {place}


def test_flows_add_up_and_members_keep_their_date_of_entry(live: dict[str, Live], tmp_path: Path) -> None:
    """Who stays keeps `since`; who moves gets the new date and remembers where from; nobody is counted twice."""
    policy = policy_of()
    first, second = (
        features(tmp_path / "a.parquet"),
        features(tmp_path / "b.parquet", changes=[(row, "days_since_purchase", 379.0) for row in range(80)]),
    )
    take_snapshot(live, policy, first, tmp_path / "1.parquet", as_of=DAY)
    before = open_snapshot(tmp_path / "1.parquet")
    later = DAY + timedelta(days=7)

    tally = take_snapshot(live, policy, second, tmp_path / "2.parquet", as_of=later, previous=before)

    old, new = before.memberships(), open_snapshot(tmp_path / "2.parquet").memberships()
    moved = [one for one in old if old[one].segment != new[one].segment]
    assert tally.compared == 300
    assert 0 < tally.moved == len(moved) < 80
    for one, stand in new.items():
        if one in moved:
            assert (stand.came_from, stand.since) == (old[one].segment, later if stand.segment else None)
        else:
            assert (stand.came_from, stand.since) == (None, DAY if stand.segment else None)


def test_who_is_new_and_who_is_gone_is_counted(live: dict[str, Live], tmp_path: Path) -> None:
    """Customers in one of two snapshots flow nowhere."""
    policy = policy_of()
    take_snapshot(live, policy, features(tmp_path / "a.parquet"), tmp_path / "1.parquet", as_of=DAY)
    fewer = features(tmp_path / "b.parquet", count=200, changes=[(5, "customer_id", "somebody")])

    tally = take_snapshot(
        live, policy, fewer, tmp_path / "2.parquet", as_of=DAY, previous=open_snapshot(tmp_path / "1.parquet")
    )

    assert (tally.compared, tally.arrived, tally.gone) == (199, 1, 101)


def test_a_minimum_stay_holds_until_its_last_day(live: dict[str, Live], tmp_path: Path) -> None:
    """A member whose rule holds no more stays for 14 days from entry, and no longer."""
    policy = policy_of(minimum_stay="14d")
    take_snapshot(live, policy, features(tmp_path / "a.parquet"), tmp_path / "1.parquet", as_of=DAY)
    before = open_snapshot(tmp_path / "1.parquet")
    hot = [one for one, stand in before.memberships().items() if "hot" in stand.entered]
    cold = features(tmp_path / "b.parquet", changes=[(row, "days_since_purchase", 379.0) for row in range(300)])

    stayed = []
    for days in (13, 14):
        as_of = DAY + timedelta(days=days)
        take_snapshot(live, policy, cold, tmp_path / "2.parquet", as_of=as_of, previous=before)
        after = open_snapshot(tmp_path / "2.parquet").memberships()
        stayed.append(sum("hot" in after[one].entered for one in hot))

    assert stayed[0] == len(hot) > stayed[1]


@pytest.mark.parametrize("kind", ["twice", "without an id", "an earlier date", "no snapshot"])
def test_a_snapshot_that_would_lie_is_refused(live: dict[str, Live], tmp_path: Path, kind: str) -> None:
    """And nothing is left behind."""
    policy, ids = policy_of(), {"twice": "c3", "without an id": None}
    changes = [(7, "customer_id", ids[kind])] if kind in ids else []
    source = features(tmp_path / "in.parquet", changes=changes)
    take_snapshot(live, policy, features(tmp_path / "a.parquet"), tmp_path / "1.parquet", as_of=DAY)
    before = sorted(tmp_path.iterdir())

    def take() -> None:
        as_of = DAY - timedelta(days=1) if kind == "an earlier date" else DAY
        previous = open_snapshot(source if kind == "no snapshot" else tmp_path / "1.parquet")
        take_snapshot(live, policy, source, tmp_path / "out.parquet", as_of=as_of, previous=previous)

    with pytest.raises(AudienceError) as caught:
        take()

    assert "c3" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def replay(policy: Policy, scores: np.ndarray) -> tuple[SnapshotCounts, np.ndarray]:
    """Daily scores, shape (days, customers), through a policy: the tally of all days and who was hot, by day."""
    tally, hot = SnapshotCounts(), []
    was: Sequence[Membership | None] = [None] * scores.shape[1]
    for day, today in enumerate(scores):
        as_of = DAY + timedelta(days=day)
        members = [minimum_stays(policy, stand, as_of) for stand in was]
        read = {"propensity.score": today.tolist(), "canal d'achat": [None] * len(today)}.__getitem__
        statuses = dict.fromkeys(policy.use_cases, ["scored"] * len(today))
        stands = [
            membership_after(place, stand, as_of)
            for place, stand in zip(assign_all(policy, statuses, read, members=members), was, strict=True)
        ]
        for old, new in zip(was, stands, strict=True):
            tally.count(old, new, as_of)
        hot.append(["hot" in stand.entered for stand in stands])
        was = stands
    return tally, np.asarray(hot)


def test_entry_and_exit_thresholds_end_flapping_at_equal_lift() -> None:
    """On 60 noisy days flaps fall by 80% and more; the members' true rate stays within 2% of what it was."""
    rng = np.random.default_rng(5)
    truth = rng.normal(-0.6, 1.3, 1500)  # log-odds
    scores = published_score(1 / (1 + np.exp(-(truth + rng.normal(0, 0.2, (60, 1500))))))

    plain, hot_plainly = replay(policy_of(entry=60), scores)
    steady, hot_steadily = replay(policy_of(entry=65, stay="propensity.score > 55", minimum_stay="14d"), scores)

    rate = 1 / (1 + np.exp(-truth))
    lifts = [(np.tile(rate, (60, 1))[hot]).mean() / rate.mean() for hot in (hot_plainly, hot_steadily)]
    assert plain.flaps > 1000
    assert steady.flaps <= 0.2 * plain.flaps
    assert lifts[1] == pytest.approx(lifts[0], rel=0.02)


def test_a_flap_is_back_within_thirty_days() -> None:
    """Out and in again within 30 days is one; after longer it is a new visit; one move is none."""
    quick = np.asarray([[80.0] * 3, [50.0] * 3, [80.0, 50.0, 50.0], *[[80.0, 50.0, 80.0]] * 1])
    slow = np.asarray([[80.0], *[[50.0]] * 31, [80.0]])

    assert replay(policy_of(entry=70), quick)[0].flaps == 2
    assert replay(policy_of(entry=70), slow)[0].flaps == 0


def test_the_metadata_is_json_any_reader_finds(live: dict[str, Live], tmp_path: Path) -> None:
    """Under one key of the Parquet file."""
    take_snapshot(live, policy_of(), features(tmp_path / "a.parquet"), tmp_path / "1.parquet", as_of=DAY)

    metadata = pq.read_schema(tmp_path / "1.parquet").metadata
    assert metadata is not None
    facts = json.loads(metadata[b"penchant"])

    assert {"policy", "models", "as_of", "segments"} == facts.keys()
