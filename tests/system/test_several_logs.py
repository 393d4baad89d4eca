"""Three logs of one shop, each in a shape of its own, are one log: in features, and over HTTP."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from features.config.use_case import LogUseCase, load_use_case
from features.point_in_time.compiled_sql import raw_events
from features.point_in_time.log_context import open_log_context
from features.sources.engine import engine
from features.spec.feature import CUSTOMER_ID, Json, Row
from features.spec.raw_events import RawEvents
from features.tables.digests import config_digest, features_digest
from serving.customers.raw_events import _read, _run
from tests.support.shop_logs import CUTOFF, write_shop, write_use_cases

# Of the hand-merged log, as made before a use case could have several.
FEATURES = "bd0383c5c7ceec2974e8dc1ac41db660c21b370409cf5f9abb1d60b0c856ecda"
EVENTS_JSON = "2cb3777f35d7af6e7469583e42e02cdd9a48b020c1d276df7c71e3a1497834a5"
CONFIG_DIGEST = "c6851a5fff4a28d6fb32154760c22770cd18b89f20c5e1891c162910520151d7"
FEATURES_DIGEST = "7d92bcfaf596daf22e720f946faffa80225c503190499fe26b83f267bf9b8645"
Event = dict[str, Json]


@dataclass(frozen=True)
class Made:
    """A use case with what is made of its data."""

    use_case: LogUseCase
    rows: pl.DataFrame  # features at CUTOFF
    compiled: RawEvents


def make(file: Path) -> Made:
    """What a use case on a log makes of its data."""
    use_case = load_use_case(file)
    assert isinstance(use_case, LogUseCase)
    with engine() as backend:
        context = open_log_context(backend, use_case, None)
        rows = context.features_at(CUTOFF)
    return Made(use_case, rows, json.loads(json.dumps(raw_events(use_case, context.plan))))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """The shop by its three logs, by these with names, and by the hand-merged log."""
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder)
    several, single = write_use_cases(folder)
    named, _ = write_use_cases(folder, names=True)
    return {file.stem: make(file) for file in (several, single, named)}


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
    assert several.rows["shoes_in_december"].sum() > 0
    assert several.rows["carts_left"].sum() > 0


def test_a_name_stands_before_types_and_measures_and_changes_no_figure(shop: Mapping[str, Made]) -> None:
    """Only what the features are called is another."""
    named, single = shop["named"].rows, shop["single"].rows

    assert "days_since_till_purchase" in named.columns
    assert "web_seconds_sum_30d" in named.columns
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
