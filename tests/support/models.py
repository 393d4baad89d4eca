"""Small real models for tests, written through the same door as trained ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import xgboost

from features.build.log_table import learning_table
from features.config.use_case import LogUseCase
from features.point_in_time.compiled_sql import raw_events
from features.point_in_time.feature_plan import FeaturePlan
from features.point_in_time.labels import LABEL, eligibility
from features.spec.feature import MISSING, OTHER, Feature
from scoring.answers.served_release import Live
from scoring.bundle.bundle import canonical_json, write_bundle
from scoring.bundle.manifest import read_manifest
from scoring.encoding.encoder import Encoder
from scoring.models.bands import Ladder, percentile_boundaries
from scoring.models.calibration import Calibration
from scoring.models.stored_model import parse_model
from scoring.releases.store import install_release, load_release, make_current
from training.data.encode import encode, fit_encoder

SHOP = (
    Feature("days_since_purchase", "number", "recency", "days", lower=0, seen=(1, 400), event="purchase"),
    Feature(
        "purchases_90d", "integer", "frequency", "purchases", lower=0, seen=(0, 12), event="purchase", window_days=90
    ),
    Feature("monetary_365d", "number", "monetary", "EUR", seen=(0, 900), window_days=365),
    Feature("subscribed", "boolean"),
    Feature("joined on", "date", seen=(9000, 11000), names={"fr": "Inscrit le", "en": "Joined on"}),
    Feature("canal d'achat", "category", levels=("web", "Store"), spellings={"boutique": "Store"}),
)
WRITTEN = tuple(  # the same, where two are posted as a French till writes them
    replace(each, written={"monetary_365d": "1 234,56 €", "joined on": "%d/%m/%Y"}.get(each.name)) for each in SHOP
)
LEVELS = {"canal d'achat": ["web", OTHER, MISSING, "Store"]}


def shop_rows(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Plausible posted features of a shop's customers, nulls among them."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        row: dict[str, Any] = {
            "days_since_purchase": round(float(rng.uniform(1, 400)), 3),
            "purchases_90d": int(rng.integers(0, 12)),
            "monetary_365d": round(float(rng.uniform(0, 900)), 2),
            "subscribed": bool(rng.random() < 0.4),
            "joined on": f"199{rng.integers(5, 10)}-0{rng.integers(1, 10)}-1{rng.integers(0, 10)}",
            "canal d'achat": str(rng.choice(["web", "Store", "boutique", "WEB "])),
        }
        rows.append({name: None if rng.random() < 0.05 else value for name, value in row.items()})
    return rows


def write_shop_bundle(
    folder: Path, name: str, *, polarity: str = "positive", seed: int = 0, blended: bool = False, **changes: Any
) -> None:
    """A bundle of a small boosted model over the `SHOP` features; `changes` replace manifest entries.

    With `blended` it is a blend of that model and of a sum of terms, one of them bent.
    """
    encoder = Encoder(SHOP, LEVELS)
    rows = shop_rows(800, seed=seed)
    matrix = np.asarray([encoder.row(row)[0] for row in rows])
    rng = np.random.default_rng(seed)
    odds = -1 + 2 * (np.nan_to_num(matrix[:, 0], nan=200) < 60) + 0.2 * np.nan_to_num(matrix[:, 1]) - matrix[:, 5] * 0.3
    outcome = rng.random(len(odds)) < 1 / (1 + np.exp(-odds if polarity == "positive" else odds))
    data = xgboost.DMatrix(matrix.astype(np.float32), outcome.astype(float))
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "eta": 0.3, "seed": seed}, data, 20)
    stored = bytes(booster.save_raw("ubj"))
    files = {"model.ubj": stored} if not blended else blend_files(stored)
    probability = Calibration(0.9, -0.05).probability(parse_model(files).margin(matrix.astype(np.float32)))
    manifest = {**shop_manifest(name, polarity, probability), **changes}
    golden = golden_rows(rows[:30], probability[:30], manifest["bands"])
    write_bundle(folder, read_manifest(manifest), {**files, "golden.jsonl": golden, "reference.json": b"{}\n"})


def blend_files(stored: bytes) -> dict[str, bytes]:
    """The files of a blend of a booster over the `SHOP` features and of terms that are not fitted."""
    terms = [
        {"kind": "spline", "log1p": True, "knots": [0.5, 3, 6], "values": [0.9, 0.1, -0.8], "missing": 0.2},
        {"kind": "numeric", "log1p": False, "centre": 5.0, "coefficient": 0.11, "missing": -0.1},
        {"kind": "numeric", "log1p": True, "centre": 5.5, "coefficient": -0.07, "missing": 0.0},
        {"kind": "numeric", "log1p": False, "centre": 0.4, "coefficient": 0.3, "missing": 0.0},
        {"kind": "spline", "log1p": False, "knots": [9000, 10500], "values": [-0.3, 0.3], "missing": 0.0},
        {"kind": "levels", "values": [0.2, 0.0, -0.1, -0.3]},
    ]
    members = [{"file": "member-additive.json", "weight": 0.45}, {"file": "member-xgboost.ubj", "weight": 0.6}]
    return {
        "blend.json": canonical_json({"members": members}),
        "member-additive.json": canonical_json({"intercept": -0.6, "terms": terms}),
        "member-xgboost.ubj": stored,
    }


def shop_manifest(name: str, polarity: str, probability: Any) -> dict[str, Any]:
    """All that a manifest holds beside its files."""
    low, high = (round(float(np.quantile(probability, share)), 4) for share in (0.6, 0.9))
    metrics = {"roc_auc": 0.8, "pr_auc": 0.6, "log_loss": 0.4, "brier": 0.1, "ece": 0.02, "lift_at_10": 3.0}
    return {
        "name": name,
        "polarity": polarity,
        "kind": "xgboost",
        "source": "log",
        "customer_id": "customer_id",
        "label": {"event": "purchase", "outcome": "present"},
        "windows": None,
        "trained_to": "1998-04-02",
        "features": msgspec.to_builtins(SHOP),
        "encoder": LEVELS,
        "eligible": {"feature": "days_since_purchase", "op": "<=", "value": 380.0},
        "calibration": {"a": 0.9, "b": -0.05},
        "boundaries": percentile_boundaries(probability).tolist(),
        "bands": {
            "codes": ["low", "medium", "high"],
            "labels": {"fr": ["Faible", "Moyen", "Élevé"], "en": ["Low", "Medium", "High"]},
            "thresholds": [low, high],
            "plan": None,
            "realised": [],
        },
        "forbid": [],
        "what_if": {},
        "metrics": metrics,
        "baselines": {},
        "rows": {"train": 800, "test": 200},
        "base_rate": {"train": 0.4, "test": 0.4},
        "receipt": {"rows": 800},
        "digests": {"data": "0", "config": "0", "key": "0"},
        "code_revision": "0",
        "versions": {},
        "intended_use": {"fr": "Adresser des campagnes.", "en": "Addressing campaigns."},
        "worth": None,
    }


def golden_rows(rows: list[dict[str, Any]], probability: Any, bands: Mapping[str, Any]) -> bytes:
    """Golden rows as they stand in a bundle."""
    ladder = Ladder(tuple(bands["codes"]), tuple(bands["thresholds"]))
    lines = [
        json.dumps({"features": row, "probability": float(p), "band": ladder.codes[int(rung)]})
        for row, p, rung in zip(rows, probability, ladder.rungs(probability), strict=True)
    ]
    return ("\n".join(lines) + "\n").encode()


def release_shop(home: Path, name: str, version: str = "1", *, scratch: Path, **options: Any) -> None:
    """Puts a shop bundle in the release store and makes it current."""
    folder = scratch / f"{name}-{version}"
    write_shop_bundle(folder, name, **options)
    facts = {"registered_at": "2026-01-01T00:00:00Z", "run_id": "test"}
    install_release(home, name, version, folder, report=b"<!doctype html><title>report</title>", facts=facts)
    make_current(home, name, version)


def release_log(home: Path, use_case: LogUseCase) -> Live:
    """Releases a small boosted model of a use case on a log, with the SQL that makes its features of raw events."""
    table = learning_table(use_case)
    assert table.feature_plan is not None
    return release_rows(home, use_case, table.rows, table.features, table.feature_plan)


def release_rows(
    home: Path,
    use_case: LogUseCase,
    rows: pl.DataFrame,
    columns: Sequence[Feature],
    plan: FeaturePlan,
) -> Live:
    """The same of rows of features and a label that are there already, whatever the label."""
    features, codes = fit_encoder(columns, rows)
    matrix = encode(Encoder(features, codes), rows).astype(np.float32)
    data = xgboost.DMatrix(matrix, rows[LABEL].to_numpy())
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 4, "eta": 0.3}, data, 30)
    stored = bytes(booster.save_raw("ubj"))
    probability = Calibration(0.9, -0.05).probability(parse_model({"model.ubj": stored}).margin(matrix))
    manifest = {
        **shop_manifest(use_case.name, use_case.polarity, probability),
        "features": msgspec.to_builtins(features),
        "encoder": codes,
        "eligible": msgspec.to_builtins(eligibility(use_case)),
    }
    golden = golden_rows(rows[:30].select(feature.name for feature in features).to_dicts(), probability[:30],
                         manifest["bands"])  # fmt: skip
    files = {"model.ubj": stored, "golden.jsonl": golden, "reference.json": b"{}\n"}
    files["events.json"] = canonical_json(raw_events(use_case, plan))
    write_bundle(home / "bundles" / use_case.name, read_manifest(manifest), files)
    install_release(home, use_case.name, "1", home / "bundles" / use_case.name, report=b"report", facts={})
    make_current(home, use_case.name, "1")
    return Live(load_release(home, use_case.name))
