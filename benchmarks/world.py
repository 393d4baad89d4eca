"""One model for all, and the bodies each is posted: 300 trees of depth 6, 40 features, 10 of them categories."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xgboost
from numpy.typing import NDArray

from features.spec.feature import MISSING, OTHER, Feature
from scoring.bundle.bundle import write_bundle
from scoring.bundle.manifest import read_manifest
from scoring.encoding.encoder import Encoder
from scoring.models.additive import LevelsTerm, NumericTerm, Term
from scoring.models.bands import percentile_boundaries
from scoring.models.calibration import Calibration
from scoring.models.stored_model import BLEND, MEMBER, TERMS, TREES, BlendDocument, BlendMember, parse_model
from scoring.releases.store import install_release, load_release, make_current
from tests.support.models import golden_rows, shop_manifest

NAME = "bench"
ROUNDS, DEPTH, NUMBERS, CATEGORIES, LEVELS = 300, 6, 30, 10, 12
BODIES = 1_000
EXAMPLE = "example:"  # before the name of a use case
MIX = [1, 100, 1, 3, 1, 24, 1, 10, 1, 300, 1, 7]  # rows of calls that follow each other
FEATURES = (
    *(Feature(f"amount_{number:02}", "number", "monetary", "EUR", seen=(-1e6, 1e6)) for number in range(NUMBERS)),
    *(
        Feature(f"category_{number:02}", "category", levels=tuple(f"level {level}" for level in range(LEVELS)))
        for number in range(CATEGORIES)
    ),
)
NAMES = [feature.name for feature in FEATURES]
ENCODER = {feature.name: [OTHER, MISSING, *feature.levels] for feature in FEATURES if feature.type == "category"}


@dataclass(frozen=True)
class World:
    """Where everything lies that the contenders are started with."""

    folder: Path
    examples: Path | None = None  # the home that `make run` makes

    @property
    def home(self) -> Path:
        """Our release store, with one release."""
        return self.folder / "home"

    @property
    def blend_home(self) -> Path:
        """Another, with the same trees blended with a sum of terms."""
        return self.folder / "blend-home"

    @property
    def model(self) -> Path:
        """The booster alone."""
        return self.folder / "model.ubj"

    @property
    def mlflow_model(self) -> Path:
        """The booster as `mlflow.xgboost.save_model` writes it."""
        return self.folder / "mlflow"


def rows(count: int, *, seed: int) -> list[dict[str, Any]]:
    """Customers as a caller knows them: numbers with two decimals and names of levels."""
    columns = [column.to_pylist() for column in columns_of(count, seed=seed).columns]
    return [dict(zip(NAMES, values, strict=True)) for values in zip(*columns, strict=True)]


def columns_of(count: int, *, seed: int) -> pa.Table:
    """The same as a table."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        feature.name: pa.array(np.round(rng.gamma(2.0, 60.0, count), 2))
        if feature.type == "number"
        else pa.DictionaryArray.from_arrays(
            rng.integers(0, LEVELS, count).astype(np.int32), pa.array(feature.levels)
        ).cast(pa.string())
        for feature in FEATURES
    }
    return pa.table(columns)


def build(world: World) -> None:
    """Trains the model and writes it in every form a contender reads."""
    world.folder.mkdir(parents=True, exist_ok=True)
    encoder = Encoder(FEATURES, ENCODER)
    matrix = encoder.table(columns_of(20_000, seed=1)).matrix.astype(np.float32)
    rng = np.random.default_rng(2)
    odds = np.sin(matrix[:, :NUMBERS] / 40).sum(axis=1) + (matrix[:, NUMBERS:] % 3 - 1).sum(axis=1) / 2 - 1
    outcome = rng.random(len(odds)) < 1 / (1 + np.exp(-odds))
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": DEPTH, "eta": 0.1, "seed": 3, "nthread": 2},
        xgboost.DMatrix(matrix, outcome.astype(float), feature_names=NAMES),
        ROUNDS,
    )
    booster.save_model(world.model)
    _release(world.home, world.folder / "bundle", {TREES: world.model.read_bytes()}, encoder, matrix)
    _release(world.blend_home, world.folder / "blend", blend_files(world.model.read_bytes()), encoder, matrix)
    _save_for_mlflow(world, booster, matrix)


def blend_files(trees: bytes) -> dict[str, bytes]:
    """A blend of these trees with one term a feature; what it is worth is another matter."""
    rng = np.random.default_rng(8)
    terms: list[Term] = [
        NumericTerm(number % 2 == 0, 4.0 if number % 2 == 0 else 120.0, float(rng.normal(0, 0.01)), 0.0)
        for number in range(NUMBERS)
    ]
    terms += [LevelsTerm(tuple(rng.normal(0, 0.1, LEVELS + 2).tolist())) for _ in range(CATEGORIES)]
    members = tuple(BlendMember(MEMBER + file, weight) for file, weight in ((TREES, 0.7), (TERMS, 0.4)))
    sum_of_terms = msgspec.json.encode({"intercept": -1.0, "terms": terms})
    return {
        BLEND: msgspec.json.encode(BlendDocument(members)),
        members[0].file: trees,
        members[1].file: sum_of_terms,
    }


def _release(home: Path, bundle: Path, files: dict[str, bytes], encoder: Encoder, matrix: NDArray[np.float32]) -> None:
    calibration, model = Calibration(0.9, -0.05), parse_model(files)
    probability = calibration.probability(model.margin(matrix))
    manifest = shop_manifest(NAME, "positive", probability) | {
        "features": msgspec.to_builtins(FEATURES),
        "encoder": ENCODER,
        "eligible": None,
        "boundaries": percentile_boundaries(probability).tolist(),
    }
    golden = rows(30, seed=4)
    encoded = np.asarray([encoder.row(row)[0] for row in golden], dtype=np.float32)
    lines = golden_rows(golden, calibration.probability(model.margin(encoded)), manifest["bands"])
    write_bundle(bundle, read_manifest(manifest), {**files, "golden.jsonl": lines, "reference.json": b"{}\n"})
    install_release(home, NAME, "1", bundle, facts={"promoted_at": "2026-01-01T00:00:00Z", "run_id": "bench"})
    make_current(home, NAME, "1")


def _save_for_mlflow(world: World, booster: xgboost.Booster, matrix: NDArray[np.float32]) -> None:
    import mlflow.xgboost
    import pandas as pd
    from mlflow.models import infer_signature

    example = pd.DataFrame(matrix[:5].astype(np.float64), columns=NAMES)
    signature = infer_signature(example, booster.predict(xgboost.DMatrix(example)))
    mlflow.xgboost.save_model(booster, str(world.mlflow_model), signature=signature)


def codes(row: dict[str, Any]) -> dict[str, float]:
    """A row with categories as the numbers the model was trained on; what all others are posted, in their favour."""
    return {name: float(ENCODER[name].index(value)) if name in ENCODER else value for name, value in row.items()}


def bodies(kind: str, examples: Path | None = None) -> list[bytes]:
    """Different bodies of the kind a contender takes; the use cases of the examples' home are kinds too."""
    if examples and kind.startswith(EXAMPLE):
        return example_bodies(examples, kind.removeprefix(EXAMPLE))
    make = _BODIES[kind]
    posted = rows(BODIES, seed=5)
    if kind.endswith("_mix"):
        sizes = MIX * (BODIES // sum(MIX))
        starts = [sum(sizes[:place]) for place in range(len(sizes))]
        return [make(posted[start : start + size]) for start, size in zip(starts, sizes, strict=True)]
    if kind.endswith("_1000"):
        return [make([*posted[start:], *posted[:start]]) for start in range(0, BODIES, 50)]
    return [make([row]) for row in posted]


def example_bodies(home: Path, use_case: str) -> list[bytes]:
    """What a release of a home proves itself by: its golden rows, posted one by one."""
    return [
        json.dumps({"use_cases": [use_case], "profiles": [{"customer_id": "c", "features": row.features}]}).encode()
        for row in load_release(home, use_case).bundle.golden
    ]


def _ours(posted: list[dict[str, Any]], reasons: int) -> bytes:
    profiles = [{"customer_id": f"c{number}", "features": row} for number, row in enumerate(posted)]
    return json.dumps({"use_cases": [NAME], "profiles": profiles, "reasons": reasons}).encode()


def _split(posted: list[dict[str, Any]]) -> bytes:
    data = [list(codes(row).values()) for row in posted]
    return json.dumps({"dataframe_split": {"columns": NAMES, "data": data}}).encode()


_BODIES: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "ours": lambda posted: _ours(posted, 0),
    "ours_reasons": lambda posted: _ours(posted, 3),
    "ours_1000": lambda posted: _ours(posted, 0),
    "ours_mix": lambda posted: _ours(posted, 0),
    "flat": lambda posted: json.dumps(codes(posted[0])).encode(),
    "data": lambda posted: json.dumps({"data": [codes(row) for row in posted]}).encode(),
    "features": lambda posted: json.dumps({"features": codes(posted[0])}).encode(),
    "split": _split,
    "split_1000": _split,
    "split_mix": _split,
}


def write_customers(path: Path, count: int) -> None:
    """A Parquet file of customers, in row groups of 100,000."""
    step = 100_000
    with pq.ParquetWriter(path, _with_ids(columns_of(1, seed=0), 0).schema) as writer:
        for start in range(0, count, step):
            size = min(step, count - start)
            writer.write_table(_with_ids(columns_of(size, seed=6 + start // step), start), row_group_size=size)


def _with_ids(table: pa.Table, start: int) -> pa.Table:
    return table.add_column(0, "customer_id", pa.array([f"c{start + row}" for row in range(len(table))]))
