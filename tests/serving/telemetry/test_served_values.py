"""Served values in bins: all that is scored is counted, of very many a sample, and nothing of a customer is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from monitoring.drift.served_drift import served_drift
from scoring.answers.block_answers import encode_answers
from scoring.answers.score import score_profiles
from scoring.answers.scored_values import BatchValues
from scoring.answers.served_release import Live
from scoring.batch.table_answers import answer_table
from scoring.bundle.reference import bins_of
from scoring.encoding.block import Block
from scoring.errors import BundleError
from scoring.releases.served_counts import forget_served, read_served, served_days
from scoring.releases.store import load_release
from scoring.segments.assignment import DEFAULT
from serving.telemetry import served_values
from serving.telemetry.served_values import ServedValues
from tests.support.models import shop_rows
from tests.support.shop import release_full_shop

NAME = "propensity"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one release that has a reference; only to be read."""
    home = tmp_path_factory.mktemp("home")
    release_full_shop(home, NAME, scratch=tmp_path_factory.mktemp("bundles"))
    return home


@pytest.fixture
def live(released: Path) -> Live:
    """The release, that nobody watches yet."""
    return Live(load_release(released, NAME))


def profiles(count: int, *, seed: int = 5) -> list[dict[str, object]]:
    """Customers with an id that is found again in any file that has it."""
    return [{"customer_id": f"SECRET-{n}", "features": row} for n, row in enumerate(shop_rows(count, seed=seed))]


def today() -> date:
    """By the clock that the counts go by."""
    return datetime.now(UTC).date()


def test_every_scored_row_lies_in_one_bin_of_each_feature(live: Live, tmp_path: Path) -> None:
    """Posted one by one or together; a row that is not valid, or not covered, is in none; no id stands anywhere."""
    values = ServedValues(tmp_path)
    values.watch([live])
    posted = [*profiles(60), {"customer_id": "SECRET-x", "features": {}}]
    answered = score_profiles({NAME: live}, posted, use_cases=[NAME])
    for one in profiles(5, seed=6):
        answered += score_profiles({NAME: live}, [one], use_cases=[NAME])
    scored = sum(row["status"] == "ok" and row["scores"][NAME]["status"] == "scored" for row in answered)
    values.flush(at_once=True)

    counts = read_served(tmp_path, NAME, "1", served_days(tmp_path, NAME, "1"))["http"]

    assert 0 < scored < len(posted) + 5
    assert (counts.rows, counts.counted) == (scored, scored)
    assert counts.features.keys() == bins_of(live.release.bundle).keys()
    assert {sum(bins) for bins in (*counts.features.values(), counts.score)} == {scored}
    assert not any(b"SECRET" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_a_large_call_is_counted_as_its_customers_one_by_one_are(live: Live, tmp_path: Path) -> None:
    """Whether it is answered by columns or by rows."""
    names = live.scorer.encoder.shape
    posted = profiles(40)
    block = Block.of([(str(one["customer_id"]), one["features"]) for one in posted], tuple(names))  # type: ignore[misc]  # features of any kind of value
    counted = []
    for number, answer in enumerate((encode_answers, score_profiles)):
        home = tmp_path / str(number)
        values = ServedValues(home)
        live.on_scored = None
        values.watch([live])
        asked = {"use_cases": [NAME], "language": "en", "policy": DEFAULT}
        answer({NAME: live}, block if answer is encode_answers else posted, **asked)  # type: ignore[operator]  # two functions of different arguments
        values.flush(at_once=True)
        counted.append(read_served(home, NAME, "1", served_days(home, NAME, "1"))["http"])

    assert counted[0] == counted[1]
    assert counted[0].rows > 20


def test_few_rows_are_counted_once_there_are_more(live: Live, tmp_path: Path) -> None:
    """The counts of one row would be the values of one customer."""
    values = ServedValues(tmp_path)
    values.watch([live])
    kept = []
    for seed in (1, 2):
        score_profiles({NAME: live}, profiles(15, seed=seed), use_cases=[NAME])
        values.flush(at_once=True)
        kept.append(list((tmp_path / "served").rglob("*.json")))

    counts = read_served(tmp_path, NAME, "1", served_days(tmp_path, NAME, "1"))["http"]
    assert [len(files) for files in kept] == [0, 1]
    assert 20 <= counts.rows <= 30


def test_of_very_many_rows_a_sample_is_counted(live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are known by their number, those beyond what may wait too."""
    monkeypatch.setattr(served_values, "SAMPLE", 50)
    monkeypatch.setattr(served_values, "MOST_WAITING", 100)
    values = ServedValues(tmp_path)
    values.watch([live])
    matrix = np.asarray([live.scorer.encoder.row(row)[0] for row in shop_rows(40)])
    assert live.on_scored
    for _ in range(5):
        live.on_scored(matrix, live.scorer.score(matrix).probability)
    values.flush(at_once=True)

    counts = read_served(tmp_path, NAME, "1", served_days(tmp_path, NAME, "1"))["http"]

    assert (counts.rows, counts.counted, sum(counts.score)) == (200, 50, 50)


def test_a_release_that_left_is_watched_no_more(live: Live, released: Path, tmp_path: Path) -> None:
    """What it scored until then is counted."""
    values, other = ServedValues(tmp_path), Live(load_release(released, NAME))
    values.watch([live])
    score_profiles({NAME: live}, profiles(60), use_cases=[NAME])
    other.release = replace(other.release, version="2")
    values.watch([other])
    values.watch([other])
    values.flush(at_once=True)

    assert live.on_scored is None
    assert other.on_scored is not None
    assert read_served(tmp_path, NAME, "1", served_days(tmp_path, NAME, "1"))["http"].rows > 0
    assert served_days(tmp_path, NAME, "2") == []


def test_customers_like_those_that_were_learned_do_not_drift_and_others_do(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feature that moved is the furthest; doors are told apart; days long gone are left out, and forgotten."""
    monkeypatch.setattr(served_values, "SAMPLE", 1_000)
    values = ServedValues(tmp_path)
    values.watch([live])
    score_profiles({NAME: live}, profiles(900, seed=99), use_cases=[NAME])
    values.flush(at_once=True)
    [same] = served_drift(tmp_path, live.release, today())
    batch = BatchValues({NAME: live}, 900)
    moved = [{"customer_id": "SECRET-1", **row, "monetary_365d": 890.0} for row in shop_rows(900, seed=99)]
    answer_table({NAME: live}, pa.Table.from_pylist(moved))
    batch.write(tmp_path)
    by_door = {one.door: one for one in served_drift(tmp_path, live.release, today())}

    assert same.score_psi is not None
    covered = {name: index for name, index in same.psi.items() if name != "days_since_purchase"}  # not all are scored
    assert max(covered.values()) < 0.01
    assert same.score_psi < 0.05
    assert by_door["http"] == same
    assert next(iter(by_door["batch"].psi)) == "monetary_365d"
    assert by_door["batch"].psi["monetary_365d"] > 0.5
    assert served_drift(tmp_path, live.release, date(2020, 1, 1)) == ()
    forget_served(tmp_path, date(2999, 1, 1))
    assert served_days(tmp_path, NAME, "1") == []


def test_too_few_rows_have_no_index_and_damaged_counts_are_refused(live: Live, tmp_path: Path) -> None:
    """Their number is given; the file is named, its content is not."""
    values = ServedValues(tmp_path)
    values.watch([live])
    score_profiles({NAME: live}, profiles(60), use_cases=[NAME])
    values.flush(at_once=True)
    [few] = served_drift(tmp_path, live.release, today())

    assert (few.psi, few.score_psi) == ({}, None)
    assert few.rows > 0
    [file] = tmp_path.rglob("*.json")
    file.write_bytes(b"{SECRET")
    with pytest.raises(BundleError, match="must be counts") as refused:
        served_drift(tmp_path, live.release, today())
    assert "SECRET" not in str(refused.value)


def test_scores_are_the_same_whether_or_not_they_are_counted(live: Live, tmp_path: Path) -> None:
    """To the bit, and a home that cannot be written costs no answer."""
    before = score_profiles({NAME: live}, profiles(30), use_cases=[NAME], reasons=3)
    (tmp_path / "served").write_text("no folder")
    values = ServedValues(tmp_path)
    values.watch([live])

    assert score_profiles({NAME: live}, profiles(30), use_cases=[NAME], reasons=3) == before
    values.flush(at_once=True)
    assert np.isfinite(before[0]["scores"][NAME]["probability"])
