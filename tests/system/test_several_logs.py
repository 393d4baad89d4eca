"""Three logs of one shop, each in a shape of its own, are one log: in features, and over HTTP."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from msgspec import UNSET

from features.__main__ import main
from features.config.use_case import LogUseCase, load_use_case
from features.errors import DataError
from features.history.event_log import open_log
from features.point_in_time.compiled_sql import raw_events
from features.point_in_time.definitions import log_features
from features.point_in_time.labels import LABEL, Cutoffs
from features.point_in_time.log_context import open_log_context
from features.quality.log_coverage import OF_LOGS, early_ends, log_findings, log_reports
from features.sources.engine import engine
from features.spec.data_report import LogReport
from features.spec.feature import CUSTOMER_ID, Json, Row, Scalar
from features.spec.raw_events import RawEvents
from features.tables.digests import config_digest, features_digest
from monitoring.state.data import source_freshness
from monitoring.state.judge import Limits, Observed, judge
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.batch.score_files import score_file
from scoring.releases.store import load_release
from serving.api.use_case_document import use_case_document
from serving.customers.raw_events import _read, _run, prepare
from tests.support.days import made as made_day
from tests.support.models import release_rows
from tests.support.shop_logs import CUTOFF, write_shop, write_use_cases

# Of the hand-merged log, as made before a use case could have several.
FEATURES = "56a1d5fc0b9da24ae3176fbed5f85dc55567f04b8943780c46ad33b4b879b92d"
EVENTS_JSON = "e301247ecb270fa07fd4733851aa4716316a707dab15e37a501c4139b5604089"
CONFIG_DIGEST = "f8a1a7efcd2cae416372f023e21ee2d020df673db9f8a7ca34d062bdc072c423"
FEATURES_DIGEST = "6230e3f104b7de02cfeb6f39809c59499a33a9d2985f9e2863a2e79275cc765a"
LATER = datetime(2026, 2, 3, tzinfo=UTC)
NOTHING = Observed(
    learned_auc=None, windows=(), estimate=None, drift=(), quality=None, sources=(), age=None, next_known=None
)
Event = dict[str, Json]


@dataclass(frozen=True)
class Made:
    """A use case with what is made of its data."""

    use_case: LogUseCase
    rows: pl.DataFrame  # features at CUTOFF
    compiled: RawEvents
    live: Live | None = None


def make(file: Path, *, home: Path | None = None) -> Made:
    """What a use case on a log makes of its data; its model is put in service where a home is given."""
    use_case = load_use_case(file)
    assert isinstance(use_case, LogUseCase)
    with engine() as backend:
        context = open_log_context(backend, use_case, None)
        rows, features = context.features_at(CUTOFF), log_features(context.plan)
    if home is None:
        return Made(use_case, rows, json.loads(json.dumps(raw_events(use_case, context.plan))))
    chance = pl.Series(np.random.default_rng(22).random(len(rows)))
    wanted = chance < pl.when(pl.col("days_since_purchase") < 60).then(0.6).otherwise(0.3)
    labelled = rows.with_columns(wanted.cast(pl.Int8).alias(LABEL))
    live = release_rows(home, use_case, labelled, features, context.plan)
    return Made(use_case, rows, json.loads(live.release.bundle.files["events.json"]), live)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """The shop by its three logs, by these with names, and by the hand-merged log."""
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder)
    several, single = write_use_cases(folder)
    named, _ = write_use_cases(folder, names=True)
    return {"several": make(several, home=folder / "home"), "single": make(single), "named": make(named)}


def sha256(text: str) -> str:
    """The digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def test_one_log_gives_the_bytes_it_always_gave(shop: Mapping[str, Made]) -> None:
    """Features, what serving reads, digests: as main made them before a use case could have several logs."""
    single = shop["single"]
    events = single.use_case.events.model_copy(update={"path": Path("merged.parquet")})

    assert sha256(single.rows.write_csv()) == FEATURES
    assert sha256(json.dumps(single.compiled, sort_keys=True)) == EVENTS_JSON
    assert config_digest(single.use_case) == CONFIG_DIGEST
    assert features_digest(single.use_case.model_copy(update={"events": events})) == FEATURES_DIGEST


def test_one_log_of_a_list_is_one_log(shop: Mapping[str, Made]) -> None:
    """`[[events]]` once is `[events]`."""
    file = shop["single"].use_case.file
    again = file.with_name("listed.toml")
    again.write_text(file.read_text(encoding="utf-8").replace("[events]", "[[events]]"), encoding="utf-8")

    assert config_digest(load_use_case(again)) == CONFIG_DIGEST


def test_three_logs_have_the_features_of_the_hand_merged_log(shop: Mapping[str, Made]) -> None:
    """To the last bit, own counts too."""
    several, single = shop["several"], shop["single"]

    assert several.rows.equals(single.rows)
    assert several.rows["shoes_in_january"].sum() > 0
    assert several.rows["carts_left"].sum() > 0


def test_a_name_stands_before_types_and_measures_and_changes_no_figure(shop: Mapping[str, Made]) -> None:
    """Only what the features are called is another."""
    named, single = shop["named"].rows, shop["single"].rows

    assert "days_since_till_purchase" in named.columns
    assert "web_seconds_sum_7d" in named.columns
    assert named.rename(dict(zip(named.columns, single.columns, strict=True))).equals(single)


@pytest.mark.parametrize("name", ["several", "named", "single"])
def test_posted_events_of_three_kinds_have_the_features_of_the_logs(shop: Mapping[str, Made], name: str) -> None:
    """Each event is posted in its own log's columns, as they stand in the file."""
    made, folder = shop[name], shop[name].use_case.file.parent
    histories = _merged(folder) if name == "single" else _of_three_logs(folder)
    asked = made.rows[CUSTOMER_ID].to_list()[::7]

    found = posted(made.compiled, {customer: histories[customer] for customer in asked})

    expected = made.rows.filter(pl.col(CUSTOMER_ID).is_in(asked)).drop(CUSTOMER_ID)
    assert [found[customer] for customer in asked] == list(expected.iter_rows(named=True))


def posted(compiled: RawEvents, histories: Mapping[str, list[Event]]) -> dict[str, Row]:
    """The features of posted histories, by customer."""
    events, traits = [], []
    for row, (customer, history) in enumerate(histories.items()):
        own, about, broken = _read(
            compiled, row, {"customer_id": customer, "events": history, "as_of": CUTOFF.isoformat()}
        )
        assert broken == []
        events += own
        traits += about
    found = _run(compiled, events, traits)
    return {customer: found[row] for row, customer in enumerate(histories)}


def _of_three_logs(folder: Path) -> dict[str, list[Event]]:
    """Every customer's events as the three logs have them."""
    links = dict(pl.read_csv(folder / "links.csv", infer_schema=False).iter_rows())
    histories: dict[str, list[Event]] = defaultdict(list)
    for file, key in (("till.csv", "card"), ("web.parquet", "visitor"), ("mail.parquet", "contact")):
        path = folder / file
        log = pl.read_csv(path, separator=";", infer_schema=False) if path.suffix == ".csv" else pl.read_parquet(path)
        for event in log.iter_rows(named=True):
            histories[links.get(event[key], event[key])].append(event)
    return histories


def _merged(folder: Path) -> dict[str, list[Event]]:
    """Every customer's events as the hand-merged log has them."""
    histories: dict[str, list[Event]] = defaultdict(list)
    for event in pl.read_parquet(folder / "merged.parquet").iter_rows(named=True):
        histories[event["who"]].append({**event, "when": event["when"].isoformat()})
    return histories


def test_an_event_that_may_be_of_several_logs_must_say_which(shop: Mapping[str, Made]) -> None:
    """By its name, by its type, or by its columns; nothing of it is repeated in the message."""
    compiled = shop["named"].compiled

    assert faults(compiled, {"timestamp": "2025-12-01", "type": "visit"}) == ["events[0]"]
    assert faults(compiled, {"timestamp": "2025-12-01", "log": "till"}) == []
    assert faults(compiled, {"timestamp": "2025-12-01", "type": "till_purchase"}) == []
    assert faults(compiled, {"timestamp": "2025-12-01", "page": "home", "type": "visit"}) == []
    assert faults(compiled, {"timestamp": "2025-12-01", "page": "home", "receipt": "R1"}) == ["events[0]"]
    assert faults(compiled, {"timestamp": "2025-12-01", "log": "shop"}) == ["events[0].log"]
    assert faults(compiled, {"timestamp": "2025-12-01", "log": "web"}) == ["events[0].action"]
    assert faults(compiled, {"timestamp": "2025-12-01", "log": 3}) == ["events[0].log"]


def faults(compiled: RawEvents, event: Event) -> list[str | None]:
    """The fields of a posted event that are refused."""
    _, _, broken = _read(compiled, 0, {"customer_id": "1", "events": [event], "as_of": "2026-01-01"})
    return [fault["field"] for fault in broken]


def test_an_event_posted_twice_counts_once_where_its_log_has_ids(shop: Mapping[str, Made]) -> None:
    """As in the file; without an id in its log an event that is posted twice happened twice."""
    mail: Event = {"message": "m1", "sent_at": "2026-01-12T10:00:00", "event": "send", "theme": "new"}
    web: Event = {"at": 1_768_200_000, "action": "visit", "page": "home", "seconds": 5}

    found = posted(shop["several"].compiled, {"a": [mail, mail, web, web]})["a"]

    assert (found["sends_7d"], found["visits_7d"]) == (1, 2)


def test_logs_that_share_a_type_are_refused(tmp_path: Path) -> None:
    """What the files alone can show, with the way out: a name."""
    write_shop(tmp_path)
    several, _ = write_use_cases(tmp_path)
    head, _, web_log, mail_log = several.read_text(encoding="utf-8").split("[[events]]")
    two = [head, web_log, mail_log.partition("\n[[counts]]")[0]]
    several.write_text("[[events]]".join(two), encoding="utf-8")
    web = pl.read_parquet(tmp_path / "web.parquet")
    web.with_columns(pl.col("action").replace("cart", "Click")).write_parquet(tmp_path / "web.parquet")

    use_case = load_use_case(several)
    assert isinstance(use_case, LogUseCase)
    with (
        engine() as backend,
        pytest.raises(DataError, match=r"type 'click' must be of one log, .*web\.parquet and mail\.parquet: give each"),
    ):
        open_log(backend, use_case)


@dataclass(frozen=True)
class Silent:
    """The shop whose mail log stopped and whose web has ids of its own, as of `LATER`."""

    cutoffs: Cutoffs
    logs: list[LogReport]
    events: int  # of all logs
    figures: dict[str, Mapping[str, Scalar]]  # of each finding
    warnings: list[str]
    rows: pl.DataFrame


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Silent:
    """What is found in it."""
    folder = tmp_path_factory.mktemp("silent")
    write_shop(folder)
    several, _ = write_use_cases(folder)
    mail, web = pl.read_parquet(folder / "mail.parquet"), pl.read_parquet(folder / "web.parquet")
    mail.filter(pl.col("sent_at") < "2026-01-20").write_parquet(folder / "mail.parquet")
    web.with_columns(visitor="x" + pl.col("visitor")).write_parquet(folder / "web.parquet")
    use_case = load_use_case(several)
    assert isinstance(use_case, LogUseCase)
    with engine() as backend:
        context = open_log_context(backend, use_case, None)
        logs = log_reports(context.log, use_case.log_names)
        figures = {each.rule: each.figures for each in log_findings(context.log, logs, context.cutoffs)}
        warnings = early_ends(context.log, use_case.log_names, LATER)
        return Silent(context.cutoffs, logs, context.log.rows, figures, warnings, context.features_at(LATER))


def test_a_log_that_ends_early_moves_no_cutoff_and_is_a_finding(silent: Silent) -> None:
    """The cutoffs are those of the log that has the label's events; the report has a line for each log."""
    assert f"{silent.cutoffs.test:%Y-%m-%d}" == "2026-03-12"  # the till goes on to 25 April
    assert silent.figures == {
        "log_ends_early": {"log": "mail", "day": "2026-01-19", "days": 51},
        "few_shared_customers": {"log": "web", "found": 0, "customers": 300},
    }
    assert silent.figures.keys() <= OF_LOGS
    assert [log["name"] for log in silent.logs] == ["till", "web", "mail"]
    assert sum(log["rows"] for log in silent.logs) == silent.events
    assert silent.logs[0]["event_types"] == ["purchase"]


def test_features_asked_for_beyond_the_end_of_a_log_warn_of_it_by_name(silent: Silent) -> None:
    """The others go on, and nothing is said of them."""
    [sentence] = silent.warnings
    assert sentence.startswith("log 'mail' ends on 2026-01-19, 14 days before the cutoff")


def test_health_knows_the_log_that_went_silent(shop: Mapping[str, Made], silent: Silent, tmp_path: Path) -> None:
    """Each log reaches as far as itself, whatever the others do; without features they are one."""
    case = shop["several"].use_case
    home = shutil.copytree(case.file.parent / "home", tmp_path / "home")
    silent.rows.write_parquet(tmp_path / "rows.parquet")
    day = made_day(home, {"shop": Live(load_release(home, "shop"))}, tmp_path / "rows.parquet", LATER)

    sources = source_freshness(home, case, day)
    reasons = judge(replace(NOTHING, sources=sources), Limits())[1]

    assert [(one.source, one.fresh_to, one.days) for one in sources] == [
        ("till (till.csv)", "2026-02-02", 0),
        ("web (web.parquet)", "2026-02-02", 0),
        ("mail (mail.parquet)", "2026-01-19", 14),
    ]
    assert [one.values["source"] for one in reasons if one.code == "stale_source"] == ["mail (mail.parquet)"]
    thin = replace(day, manifest=msgspec.structs.replace(day.manifest, thin=True))
    [together] = source_freshness(home, case, thin)
    assert (together.source, together.days) == ("till.csv, web.parquet, mail.parquet", 0)


def test_scores_of_posted_events_are_those_of_a_file(shop: Mapping[str, Made], tmp_path: Path) -> None:
    """Three kinds of events over HTTP, their features built and scored as a file: the same to the bit."""
    made = shop["several"]
    assert made.live is not None
    live = {"shop": made.live}
    profiles = [
        {"customer_id": customer, "events": events, "as_of": CUTOFF.isoformat()}
        for customer, events in _of_three_logs(made.use_case.file.parent).items()
    ]
    made.rows.write_parquet(tmp_path / "in.parquet")

    answers = score_profiles(live, prepare(profiles, live, ["shop"]), use_cases=["shop"])
    score_file(live, tmp_path / "in.parquet", tmp_path / "out.parquet")

    scored = dict(pl.read_parquet(tmp_path / "out.parquet").select("customer_id", "probability").iter_rows())
    posted_ones = {row["customer_id"]: row["scores"]["shop"].get("probability") for row in answers}
    assert {customer: posted_ones[customer] for customer in scored} == scored
    assert len({one for one in scored.values() if one is not None}) > 50
    document = use_case_document(live["shop"]).events
    assert document is not UNSET
    assert [log["name"] for log in document["logs"]] == ["till", "web", "mail"]
    assert document["example"]["profiles"][0]["events"][0]["log"] == "till"
    [example] = prepare(document["example"]["profiles"], live, ["shop"])
    assert example.features["shop"]["purchases_total"] == 3


def test_init_of_several_files_drafts_one_use_case(tmp_path: Path) -> None:
    """A log where customers come back, profiles where each has one row; names where types would meet."""
    write_shop(tmp_path)
    people = pl.DataFrame({"card": [str(1000 + n) for n in range(300)], "city": ["Lyon", "Nice", "Paris"] * 100})
    people.write_csv(tmp_path / "people.csv")
    till = pl.read_csv(tmp_path / "till.csv", separator=";", infer_schema=False).drop("kind")
    till = till.sort(pl.col("day").str.to_datetime("%d/%m/%Y %H:%M"))  # some weeks: too few to learn from
    till.head(100).write_csv(tmp_path / "till.csv")
    till.head(100).write_csv(tmp_path / "shop.csv")
    pl.read_parquet(tmp_path / "web.parquet").head(400).write_parquet(tmp_path / "web.parquet")
    files = [str(tmp_path / name) for name in ("web.parquet", "till.csv", "shop.csv", "people.csv")]

    code = main(["init", *files, "--out", str(tmp_path / "all.toml")])

    drafted = load_use_case(tmp_path / "all.toml")
    assert code == 0
    assert isinstance(drafted, LogUseCase)
    assert [(log.name, log.path.name) for log in drafted.logs] == [
        ("till", "till.csv"),
        ("shop", "shop.csv"),
        ("web", "web.parquet"),
    ]
    assert drafted.label.event == "till_purchase"
    assert drafted.profiles is not None
    assert drafted.profiles.path.name == "people.csv"
