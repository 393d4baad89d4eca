"""Free texts of profiles from a training to an answer: the same marks at each door, as of the moment, none kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.build.discovery_rows import discovery_rows
from features.build.log_table import learning_table, scoring_table
from features.config.discovery_file import load_discovery
from features.config.engine.engine_section import EngineSection
from features.config.use_case import load_use_case
from features.errors import UseCaseError
from features.point_in_time.log_context import open_log_context
from features.sources.engine import engine
from features.sources.engines.open_engine import feature_engine
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live, open_live
from scoring.batch.table_answers import score_table
from serving.customers.raw_events import prepare
from serving.streams.live_scores import LiveScorer
from serving.streams.port import PoisonError
from tests.conftest import ROOT, newcomer
from tests.support import forks
from tests.support.days import made
from tests.support.engines import ADDRESS
from tests.support.postgres import cluster
from tests.support.surveys import BAD, GOOD, NEVER, RARE
from tests.support.worlds import START, load_log, utc, write_use_case

CUSTOMERS, DAYS = 900, 200
AS_OF = utc(DAYS)


def history() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Visits until customers stop, and what each wrote: those who stop complain before, others praise."""
    random = np.random.default_rng(4)
    visits, people = [], []
    for number in range(CUSTOMERS):
        stops = int(random.integers(60, 260))
        for day in np.flatnonzero(random.random(min(stops, DAYS)) < 0.12):
            moment = START + timedelta(days=int(day), seconds=int(random.integers(0, 86_400)))
            visits.append((f"c{number}", moment, round(random.gamma(2, 20), 2)))
        for since, phrases in ((0, GOOD), (max(stops - 30, 1), BAD)):
            text = phrases[number % 3] + (f" {RARE}" if number < 12 else "")
            text += " Signé Kowalski, j.dupont@example.com 0612345678" if number % 3 == 0 else ""
            said = None if number % 9 == 8 else text
            people.append((f"c{number}", START + timedelta(days=since), said))
    log, about = ["customer_id", "ts", "amount"], ["customer_id", "since", "comment"]
    return pl.DataFrame(visits, log, orient="row"), pl.DataFrame(people, about, orient="row", infer_schema_length=None)


def write_case(folder: Path, people: pl.DataFrame | None = None, **sections: Any) -> Path:
    """The log, the profiles and the use case; returns its file."""
    visits, own = history()
    visits.write_parquet(folder / "visits.parquet")
    (own if people is None else people).write_parquet(folder / "people.parquet")
    stated = {
        "events": {
            "path": "visits.parquet",
            "customer_id": "customer_id",
            "timestamp": "ts",
            "amount": "amount",
            "type": "visit",
        },
        "profiles": {"path": "people.parquet", "customer_id": "customer_id", "valid_from": "since"},
        "texts": {"columns": ["comment"]},
        "window": {"observation": "90d", "prediction": "30d", "train_cutoffs": 3},
        "label": {"event": "visit", "outcome": "absent"},
        "eligible": {"active_within": "30d"},
    }
    return write_use_case(folder, {**stated, **sections}, name="quiet")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the use case."""
    return write_case(tmp_path_factory.mktemp("quiet"))


@pytest.fixture(scope="module")
def home(case: Path) -> Path:
    """A home trained on it, with a day of its customers; what the training said beside it."""
    folder = case.parent / "home"
    done = forks.run(["-m", "training", str(case), "--home", str(folder), "--json"], cwd=ROOT, env=newcomer())
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    features_at(case, AS_OF).write_parquet(case.parent / "customers.parquet")
    made(folder, open_live(folder, ["quiet"]), case.parent / "customers.parquet")
    return folder


@pytest.fixture(scope="module")
def live(home: Path) -> dict[str, Live]:
    """Its release."""
    return open_live(home, ["quiet"])


def features_at(case: Path, moment: datetime) -> pl.DataFrame:
    """The table that `features build` writes, but for who is eligible."""
    return scoring_table(load_use_case(case), moment).drop("eligible")


def test_words_of_profiles_are_learned_and_no_text_is_kept(home: Path, live: dict[str, Live]) -> None:
    """Words that enough customers use are features; a rare one, a name, an address, a text are in no file."""
    words = set(live["quiet"].scorer.encoder.texts["comment"])
    wanted = [word.encode() for word in (*NEVER, *GOOD[:2], *BAD[:2], "Signé") if word != "grossesse"]
    kept = [path for path in home.rglob("*") if path.is_file() and path.name != "sensitive_words.toml"]

    leaked = {(path.name, word) for path in kept for word in wanted if word.lower() in path.read_bytes().lower()}

    assert words & {"retard", "remboursement", "refund", "conforme", "satisfait"}
    assert len(kept) > 20
    assert leaked == set()


def test_every_door_reads_a_text_alike(case: Path, live: dict[str, Live]) -> None:
    """A file of features, posted features and posted events with traits: the same probability to the bit."""
    table = features_at(case, AS_OF).head(120)
    in_batch = score_table(live, table.to_arrow()).column("probability").to_pylist()

    rows = [{**row, "customer_id": None} for row in table.to_dicts()]
    posted = [
        {"customer_id": who, "features": {name: cell for name, cell in row.items() if name != "customer_id"}}
        for who, row in zip(table["customer_id"], rows, strict=True)
    ]
    raw = [raw_profile(who) for who in table["customer_id"]]

    assert [probability(one) for one in score_profiles(live, posted)] == in_batch
    assert [probability(one) for one in score_profiles(live, prepare(raw, live, None))] == in_batch
    assert len(set(in_batch)) > 20


def probability(answer: Any) -> float | None:
    """Of an answer; None where the customer is not eligible."""
    found: float | None = answer["scores"]["quiet"].get("probability")
    return found


def raw_profile(who: str) -> dict[str, Any]:
    """What somebody posts of a customer who knows the log and the latest profile."""
    visits, people = history()
    own = visits.filter(customer_id=who)
    text = people.filter(pl.col("since") < AS_OF.replace(tzinfo=None), customer_id=who).sort("since")["comment"][-1]
    events = [{"ts": row["ts"].replace(tzinfo=UTC).isoformat(), "amount": row["amount"]} for row in own.to_dicts()]
    return {"customer_id": who, "events": events, "traits": {"comment": text}, "as_of": AS_OF.isoformat()}


def test_a_text_is_known_from_the_moment_it_was_written(case: Path, tmp_path: Path) -> None:
    """What is written at a cutoff or after it is in no row at it, and the proof of that looks at texts too."""
    moment = utc(120)
    later = pl.col("since") >= moment.replace(tzinfo=None)
    people = history()[1].with_columns(comment=pl.when(later).then(pl.lit("bizarre")).otherwise("comment"))
    other = write_case(tmp_path, people)

    at = features_at(case, moment)
    table = learning_table(load_use_case(case))

    assert at.equals(features_at(other, moment))
    assert not at["comment"].equals(features_at(case, AS_OF.replace(month=1)).head(len(at))["comment"])
    assert [one for one in table.findings if one.rule == "sees_the_future"] == []
    assert "comment" in table.rows.columns
    assert "comment" not in [feature.name for feature in table.features]


def test_another_engine_gives_the_texts_that_duckdb_gives(case: Path) -> None:
    """It is handed numbers in their place."""
    moment = utc(120)
    with cluster() as database, pytest.MonkeyPatch.context() as patch:
        patch.setenv(ADDRESS, database.address)
        with engine() as backend, feature_engine(backend, EngineSection(kind="postgres", url_env=ADDRESS)) as other:
            context = open_log_context(backend, load_log(case), None)
            here = context.features_at(moment)
            there = replace(context, engine=other).features_at(moment)

    assert here["comment"].n_unique() > len(GOOD)
    assert there["comment"].equals(here["comment"])
    assert there.columns == here.columns


def test_completeness_does_not_count_texts(case: Path, tmp_path: Path) -> None:
    """Serving knows only texts whose words were chosen: they are no cells that are expected."""
    profiles = {"path": "people.parquet", "customer_id": "customer_id", "valid_from": "since", "exclude": ["comment"]}
    without = write_case(tmp_path, profiles=profiles, texts={"columns": ["note"]})
    people = pl.read_parquet(tmp_path / "people.parquet").with_columns(note=pl.lit(None, pl.String))
    people.write_parquet(tmp_path / "people.parquet")

    assert features_at(case, AS_OF)["completeness"].equals(features_at(without, AS_OF)["completeness"])


def test_a_stream_refuses_texts(home: Path) -> None:
    """It keeps what it reads, and would keep them."""
    with pytest.raises(PoisonError, match=r"free texts, since it keeps what it reads; got quiet\."):
        LiveScorer(home)


def test_a_discovery_of_a_log_has_the_texts_of_its_profiles(tmp_path: Path) -> None:
    """Beside the features of each customer, as of the moment."""
    file = write_case(tmp_path, discover={})

    found = discovery_rows(load_discovery(file))

    assert found.texts == ("comment",)
    assert found.rows["comment"].null_count() < found.rows.height


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ("gone", "must name columns of the profiles, 'gone' is none"),
        ("since", "must be columns without another role, 'since' has one"),
    ],
)
def test_columns_of_texts_are_of_the_profiles(columns: str, rule: str, tmp_path: Path) -> None:
    """And have no other role."""
    with pytest.raises(UseCaseError, match=f"texts.columns: {rule}"):
        learning_table(load_use_case(write_case(tmp_path, texts={"columns": [columns]})))


def test_events_alone_have_no_texts(tmp_path: Path) -> None:
    """The section goes with a table or with profiles."""
    file = write_case(tmp_path)
    text = file.read_text("utf-8").split("[profiles]")
    file.write_text(text[0] + "[texts]" + text[1].split("[texts]")[1], "utf-8")

    with pytest.raises(UseCaseError, match=r"\[texts\] goes with \[table\] or \[profiles\]"):
        load_use_case(file)


def test_the_bundle_names_texts_that_it_does_not_read(live: dict[str, Live]) -> None:
    """Posted events may hold every column of the profiles: those without a chosen word are passed over."""
    compiled = json.loads(live["quiet"].release.bundle.files["events.json"])

    assert [column["key"] for column in compiled["traits"]] == ["customer_id", "comment"]
