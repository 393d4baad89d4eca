"""A value means one thing through every door: the corpus through all of them, and the table of disagreements."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from features.build.log_table import learning_table
from features.config.use_case import load_use_case
from features.spec.feature import OTHER, Feature
from features.tables.learning_table import LearningTable
from scoring.answers.served_release import Live
from scoring.batch.score_files import score_file
from scoring.bundle.bundle import load_bundle, write_bundle
from scoring.bundle.manifest import read_manifest
from scoring.bundle.scorer import Scorer
from scoring.encoding.encoder import Encoder
from scoring.releases.store import install_release, load_release, make_current
from scoring.segments.assignment import install_policy
from scoring.segments.policy_file import read_policy
from serving.cli.load import main as load
from tests.support.models import golden_rows, shop_manifest
from tests.support.servers import Server, start, stop
from tests.support.values import CORPUS, FILLING, NOTHING, Column, Value
from tests.support.worlds import write_use_case
from training.data.encode import encode, fit_encoder
from training.registry.pyfunc_model import ServedProbability

ROWS = 3000
COLUMNS: tuple[Column, ...] = tuple(FILLING)
TEXTS = [value for value in CORPUS if value.text]
TYPED = [value for value in CORPUS if not value.text]
NUMERIC = ("plain", "comma", "euro", "dollar")
ALIKE = ("iso", "french", "month")  # dates
JSON_TEXT = ("comma", "euro", "dollar", *ALIKE, "city", "answer", "code")  # columns whose values may be posted as text
LEVELLED = ("city", "answer", "code")
JSON_TYPES: Mapping[str, Any] = {"plain": int | float, "optin": bool}  # of columns that JSON has a type of its own for
REFUSED = "refused"


def filling(column: Column, row: int) -> str:
    """A cell as most of the column's are."""
    return FILLING[column][row % len(FILLING[column])]


def cells() -> dict[str, list[str]]:
    """A table as text: every text of the corpus once in its column, among cells that make its form."""
    table: dict[str, list[str]] = {name: [filling(name, row * 7 // 3) for row in range(ROWS)] for name in COLUMNS}
    for name in COLUMNS:
        for place, value in enumerate(value for value in TEXTS if value.column == name):
            table[name][40 + 13 * place] = value.cell
    return table


def write_csv(path: Path, table: Mapping[str, Sequence[str]]) -> Path:
    """As a spreadsheet would, every text in quotes."""
    options = pacsv.WriteOptions(delimiter=";", quoting_style="all_valid")
    pacsv.write_csv(
        pa.table({name: pa.array(list(column), pa.string()) for name, column in table.items()}), path, options
    )
    return path


@dataclass
class World:
    """The trained tables, the released model, and a server on it."""

    home: Path
    folder: Path
    from_csv: LearningTable
    from_parquet: LearningTable
    live: Live
    server: Server
    codes: dict[tuple[str, float | str], str]  # of the segments, by the column and the value their rule is about
    table: dict[str, list[str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Trained from CSV and from Parquet, released, served."""
    folder = tmp_path_factory.mktemp("meaning")
    home, table = folder / "home", cells()
    outcome = {"y": [("yes", "no")[(row * row) % 7 % 2] for row in range(ROWS)]}
    typed = {**table, "optin": [row % 3 == 0 for row in range(ROWS)]}
    write_csv(folder / "t.csv", {**table, **outcome})
    pl.DataFrame({**typed, **outcome}).write_parquet(folder / "t.parquet")
    from_csv, from_parquet = (_learned(folder, name) for name in ("t.csv", "t.parquet"))
    live = _release(home, from_parquet)
    codes = _segments(home, live)
    server = start(home, folder, {"PENCHANT_DRAIN_SECONDS": "0.1", "PENCHANT_POLL_SECONDS": "0.1"})
    yield World(home, folder, from_csv, from_parquet, live, server, codes, table)
    stop(server)


def _learned(folder: Path, name: str) -> LearningTable:
    formats = {"french": "%d/%m/%Y"}
    section = {"path": name, "label": "y", "positive": "yes", "formats": formats}
    return learning_table(load_use_case(write_use_case(folder, {"table": section}, name="t")))


def _release(home: Path, table: LearningTable) -> Live:
    """A linear score, so that no two meanings of a column have one probability."""
    features, codes = fit_encoder(table.features, table.rows)
    matrix = encode(Encoder(features, codes), table.rows)
    terms = [_term(feature, codes, matrix[:, place]) for place, feature in enumerate(features)]
    stored = json.dumps({"intercept": -0.2, "terms": terms}).encode()
    manifest = {
        **shop_manifest("t", "positive", np.linspace(0.05, 0.95, 200)),
        "kind": "rfm_logit",
        "source": "table",
        "features": msgspec.to_builtins(features),
        "encoder": codes,
        "eligible": None,
        "label": {"column": "y", "positive": "yes"},
    }
    files = {"model.json": stored, "golden.jsonl": b"", "reference.json": b"{}\n"}
    rows = table.rows[:5].select(feature.name for feature in features).to_dicts()
    draft = home / "draft"
    write_bundle(draft, read_manifest(manifest), files)
    posted = [{name: _posted(value) for name, value in row.items()} for row in rows]
    scorer = Scorer(load_bundle(draft))
    probability = scorer.score(matrix[:5]).probability
    files["golden.jsonl"] = golden_rows(posted, probability, manifest["bands"])
    write_bundle(home / "bundle", read_manifest(manifest), files)
    install_release(home, "t", "1", home / "bundle", report=b"report", facts={})
    make_current(home, "t", "1")
    return Live(load_release(home, "t"))


def _term(feature: Feature, codes: Mapping[str, list[str]], column: Any) -> dict[str, Any]:
    if feature.type == "category":
        return {"kind": "levels", "values": [0.05 * code for code in range(len(codes[feature.name]))]}
    spread = float(np.nanpercentile(np.abs(column), 90)) or 1.0
    return {"kind": "numeric", "log1p": False, "centre": 0.0, "coefficient": 0.1 / spread, "missing": 0.77}


def _posted(value: Any) -> Any:
    """A typed meaning as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None or value is NOTHING else value


def _segments(home: Path, live: Live) -> dict[tuple[str, float | str], str]:
    """A segment for each meaning of numbers and of levels: rule by rule what a policy takes a value for."""
    codes: dict[tuple[str, float | str], str] = {}
    for value in CORPUS:
        named = value.column in (*NUMERIC, *LEVELLED) and isinstance(value.means, float | str) and value.means != OTHER
        if named:
            codes.setdefault((value.column, value.means), f"s{len(codes)}")  # type: ignore[arg-type]  # named
    label = "label = { en = 'x', fr = 'x' }"
    text = "use_cases = ['t']\n"
    for (column, means), code in codes.items():
        literal = repr(means) if isinstance(means, float) else "'" + means.replace("'", "''") + "'"
        rule = json.dumps(f"{column} = {literal}")
        text += f"[[segment]]\ncode = '{code}'\n{label}\nexclusive = false\nrule = {rule}\n"
    text += f"[[segment]]\ncode = 'all'\n{label}\nrule = 'TRUE'\n"
    policy = read_policy(text, {"t": live.release.bundle.features})
    install_policy(home, policy, text)
    return codes


USUAL: dict[str, Any] = {
    "plain": 12.5, "comma": 121.4, "euro": 12.5, "dollar": 12.5, "iso": "2024-01-31", "french": "2024-01-31",
    "month": "2024-01-31", "optin": True, "city": "Lyon", "answer": "yes", "code": "01000",
}  # fmt: skip


def post(world: World, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The answers of POST /v1/scores, a thousand at a time."""
    answers: list[dict[str, Any]] = []
    with world.server.client() as client:
        for start_at in range(0, len(rows), 900):
            profiles = [
                {"customer_id": f"k{place}", "features": dict(row)}
                for place, row in enumerate(rows[start_at : start_at + 900], start_at)
            ]
            answered = client.post("/v1/scores", json={"profiles": profiles})
            assert answered.status_code == 200, answered.text[:500]
            answers += answered.json()["results"]
    return answers


def probability(answer: Mapping[str, Any]) -> float | str:
    """What an answer says of the one value that was changed."""
    score = answer["scores"].get("t", answer)
    return score["probability"] if score["status"] == "scored" else REFUSED


def expected(world: World) -> dict[Value, float]:
    """The probability of each value's meaning, posted as what it is."""
    never = "no such level"
    rows = [{**USUAL, value.column: never if value.means == OTHER else _posted(value.means)} for value in CORPUS]
    answers = post(world, rows)
    return {value: float(probability(answer)) for value, answer in zip(CORPUS, answers, strict=True)}


@dataclass(frozen=True)
class Disagreement:
    """What a door takes a value for, beside what it means."""

    door: str
    value: Value
    found: Any

    def __str__(self) -> str:
        """A line of the table."""
        wanted = f"{self.value.column:7} {self.value.cell!r:38} means {self.value.means!r:24}"
        return f"{self.door:24} {wanted} got {self.found!r}"


def trained(world: World, door: str, table: LearningTable) -> Iterator[Disagreement]:
    """What training has made of each text's cell."""
    levels = {feature.name: feature.levels for feature in fit_encoder(table.features, table.rows)[0]}
    kinds = {feature.name: feature.type for feature in table.features}
    for name in COLUMNS:
        if name == "optin":
            continue
        read = table.rows[name].to_list()
        for place, value in enumerate(value for value in TEXTS if value.column == name):
            found = read[40 + 13 * place]
            if kinds[name] == "category" and found is not None and found not in levels[name]:
                found = OTHER
            if found != (None if value.means is NOTHING else value.means):
                yield Disagreement(door, value, found)


def held(
    door: str, values: Sequence[Value], found: Sequence[Any], wanted: Mapping[Value, float]
) -> Iterator[Disagreement]:
    """Files: the probability of the meaning, whatever was written."""
    for value, score in zip(values, found, strict=True):
        if score != wanted[value]:
            yield Disagreement(door, value, score)


def spoken(
    door: str, values: Sequence[Value], found: Sequence[Any], wanted: Mapping[Value, float]
) -> Iterator[Disagreement]:
    """Callers: the same, but that what has no meaning, and text where JSON has a type of its own, may be refused."""
    for value, score in zip(values, found, strict=True):
        nothing = value.means is NOTHING or (value.means is None and value.text and value.column not in LEVELLED)
        refusable = nothing or (value.column not in JSON_TEXT and not isinstance(value.cell, JSON_TYPES[value.column]))
        if score != wanted[value] and not (score == REFUSED and refusable):
            yield Disagreement(door, value, score)


def file_rows(values: Sequence[Value]) -> dict[str, list[str]]:
    """A file to score with one value of the corpus in each row, all else usual, as the column writes it."""
    usual: dict[str, str] = {**{name: FILLING[name][0] for name in COLUMNS}, "customer_id": ""}
    rows = [{**usual, "customer_id": f"k{place}", value.column: value.cell} for place, value in enumerate(values)]
    return {name: [row[name] for row in rows] for name in usual}


def scores_of(world: World, source: Path) -> list[Any]:
    """The probabilities of a batch; what was invalid as REFUSED."""
    target = world.folder / "scored.parquet"
    target.unlink(missing_ok=True)
    score_file({"t": world.live}, source, target)
    scored = pl.read_parquet(target)
    return [p if status == "scored" else REFUSED for p, status in scored.select("probability", "status").iter_rows()]


def batches(world: World, wanted: Mapping[Value, float]) -> Iterator[Disagreement]:
    """CSV, Parquet of texts, a folder, and Parquet of each type."""
    rows = file_rows(TEXTS)
    csv = write_csv(world.folder / "score.csv", rows)
    parquet = world.folder / "score.parquet"
    pl.DataFrame(rows).write_parquet(parquet)
    parts = world.folder / "parts"
    parts.mkdir(exist_ok=True)
    half = len(TEXTS) // 2
    write_csv(parts / "a.csv", {name: column[:half] for name, column in rows.items()})
    write_csv(parts / "b.csv", {name: column[half:] for name, column in rows.items()})
    for door, source in (("batch CSV", csv), ("batch Parquet", parquet), ("batch folder", parts)):
        yield from held(door, TEXTS, scores_of(world, source), wanted)
    for (name, kind), values in by_type(TYPED).items():
        typed = {**file_rows(values), name: [value.cell for value in values]}
        source = world.folder / f"typed-{name}-{kind}.parquet"
        pq.write_table(pa.table(typed), source)
        yield from held(f"batch Parquet {kind}", values, scores_of(world, source), wanted)


def by_type(values: Sequence[Value]) -> dict[tuple[Column, str], list[Value]]:
    """Values that one typed column can hold."""
    found: dict[tuple[Column, str], list[Value]] = {}
    for value in values:
        found.setdefault((value.column, type(value.cell).__name__), []).append(value)
    return found


def posted(world: World, wanted: Mapping[Value, float]) -> Iterator[Disagreement]:
    """HTTP features, and the JSON that the console takes."""
    values = [value for value in CORPUS if _is_json(value.cell)]
    rows = [{**USUAL, value.column: value.cell} for value in values]
    answers = post(world, rows)
    yield from spoken("HTTP features", values, [probability(answer) for answer in answers], wanted)
    with world.server.client() as client:
        shown = []
        for row in rows:
            profile = json.dumps({"customer_id": "k", "features": row})
            page = client.post("/console/customer?lang=en", data={"profile": profile}).text
            found = re.search(r'<data class="figure" value="([^"]+)"|data value="([0-9.e-]+)"', page)
            shown.append(float(unescape(next(filter(None, found.groups())))) if found else REFUSED)
        yield from spoken("console", values, shown, {value: _shown(wanted[value]) for value in values})
    yield from ruled(world, "rule, HTTP", values, answers)


def _shown(probability: float) -> float:
    return probability


def ruled(
    world: World, door: str, values: Sequence[Value], answers: Sequence[Mapping[str, Any]]
) -> Iterator[Disagreement]:
    """The segments of one value's column: that of its meaning, and no other."""
    for value, answer in zip(values, answers, strict=True):
        if probability(answer) == REFUSED or value.column not in {column for column, _ in world.codes}:
            continue
        also = {segment["code"] for segment in answer["segment"]["also"]}
        own = {code for (column, _), code in world.codes.items() if column == value.column}
        key: Any = (value.column, value.means)
        right = {world.codes[key]} if isinstance(value.means, float | str) and key in world.codes else set()
        if also & own != right:
            yield Disagreement(door, value, sorted(also & own))


def _is_json(cell: Any) -> bool:
    try:
        json.dumps(cell, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def looked_up(world: World, wanted: Mapping[Value, float]) -> Iterator[Disagreement]:
    """The online store, loaded from CSV and from Parquet."""
    for source in (world.folder / "score.csv", world.folder / "score.parquet"):
        assert load([str(source), "--home", str(world.home)]) == 0
        ids = [f"k{place}" for place in range(len(TEXTS))]
        answers: list[Any] = []
        _until_known(world, ids[0])
        with world.server.client() as client:
            for start_at in range(0, len(ids), 900):
                answered = client.post("/v1/scores", json={"customer_ids": ids[start_at : start_at + 900]})
                answers += answered.json()["results"]
        yield from held(f"store of {source.suffix}", TEXTS, [probability(answer) for answer in answers], wanted)


def _until_known(world: World, customer: str) -> None:
    """Waits for the server to take up a store that has come."""
    for _ in range(200):
        with world.server.client() as client:
            answered = client.post("/v1/scores", json={"customer_ids": [customer]}).json()["results"][0]
        if answered["scores"]["t"]["status"] != "unknown":
            return
        time.sleep(0.1)


def pyfunc(world: World, wanted: Mapping[Value, float]) -> Iterator[Disagreement]:
    """The model of the registry, on a frame of pandas."""
    model = ServedProbability()
    model.scorer = world.live.scorer
    for name in COLUMNS:
        for values in ([v for v in TEXTS if v.column == name], [v for v in TYPED if v.column == name]):
            if values:
                rows = {**file_rows(values), name: pd.Series([value.cell for value in values], dtype=object)}
                found = model.predict(None, pd.DataFrame(rows))
                yield from held("pyfunc", values, [REFUSED if np.isnan(p) else p for p in found], wanted)


def test_a_value_means_one_thing_through_every_door(world: World) -> None:
    """The table of disagreements is empty."""
    wanted = expected(world)
    table = [
        *trained(world, "training CSV", world.from_csv),
        *trained(world, "training Parquet", world.from_parquet),
        *batches(world, wanted),
        *posted(world, wanted),
        *looked_up(world, wanted),
        *pyfunc(world, wanted),
    ]

    assert len(CORPUS) >= 400
    assert not table, f"{len(table)} disagreements:\n" + "\n".join(map(str, table))
