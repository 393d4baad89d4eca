"""A home whose bundles hold all that trained ones do: reference, curves, intervals, what-if."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scoring.bundle.bundle import canonical_json, load_bundle, write_bundle
from scoring.bundle.manifest import read_manifest
from scoring.bundle.scorer import Scorer
from scoring.cli.main import main
from scoring.models.bands import Ladder
from scoring.releases.promotion_log import log_decision
from scoring.releases.store import install_release, make_current
from scoring.text.promotion import BandMoves, DecisionDocument, Interval
from tests.support.models import LEVELS, SHOP, shop_rows, write_shop_bundle
from training.bundling.curves import curve_of, curves
from training.bundling.evidence_file import TraitDocument, evidence_document
from training.bundling.families import families
from training.bundling.manifest import reference
from training.bundling.market import market_of
from training.bundling.thresholds import realised
from training.data.clusters import Clusters
from training.evaluation.metrics import Outcomes, intervals, measure
from training.evaluation.paired_gain import paired_gain

CUSTOMERS = 200  # in a snapshot
WHAT_IF = {
    "purchases_90d": [0, 10],
    "monetary_365d": [0, 500],
    "canal d'achat": ["web", "Store"],
    "subscribed": [True, False],
}
STATED: dict[str, Any] = {  # of `propensity`; `churn` states nothing
    "title": {"en": "Next purchase", "fr": "Prochain achat"},
    "outcome": {"en": "buys within 90 days", "fr": "achète dans les 90 jours"},
    "usual_warnings": [{"code": "outside_training_range", "feature": "days_since_purchase", "share": 0.97}],
    "labels": {
        "en": {"canal d'achat": {"web": "online shop", "Store": "city shop"}},
        "fr": {"canal d'achat": {"web": "boutique en ligne", "Store": "boutique en ville"}},
    },
}
ACTION = {"en": "Call within a week", "fr": "Appeler sous huit jours"}
WORTH = {
    "en": "Had you contacted the top 50, 40 would have bought.",
    "fr": "50 premiers contactés, 40 auraient acheté.",
}


def called(name: str, language: str) -> str:
    """What a page calls a use case of this home."""
    return str(STATED["title"][language]) if name == "propensity" else name


def release_full_shop(home: Path, name: str, version: str = "1", *, scratch: Path, **options: Any) -> None:
    """A shop's release as training would have left it."""
    bare, full = scratch / f"{name}-{version}-bare", scratch / f"{name}-{version}-full"
    write_shop_bundle(bare, name, **options)
    bundle = load_bundle(bare)
    scorer = Scorer(bundle)
    matrix = np.asarray([scorer.encoder.row(row)[0] for row in shop_rows(900, seed=99)])
    scored = scorer.score(matrix)
    probability, contributions = scored.probability, scorer.explain(matrix, scored.margin).contributions
    rng = np.random.default_rng(1)
    label = (rng.random(len(probability)) < probability).astype(np.int8)
    beside = np.clip(probability * rng.uniform(0.4, 1.6, len(probability)), 0.001, 0.999)
    manifest = {
        **msgspec.to_builtins(bundle.manifest),
        **_figures(label, probability, beside, bundle.ladder),
        "what_if": WHAT_IF,
        **({"actions": {"high": ACTION}} if name == "churn" else STATED),
        "forbid": ["joined on"] if name == "churn" else [],
        "families": families(SHOP, {}),
        "worth": {"contacted": 50, "hits": 40, "at_random": 12, "text": WORTH},
        "windows": {"observation": 365, "gap": 7, "prediction": 90},
        "findings": [
            {"rule": "todays_traits", "feature": "subscribed", "severity": "warn", "detail": "It is today's."}
        ],
        "receipt": {"rows": 800, "golden_rows": 30, "largest_sum_difference": 2.2e-16},
    }
    evidence = evidence_document(bundle, matrix, contributions, _by_group(label, probability))
    market = market_of(probability[:700], probability, label, Clusters.apart(len(label)))
    files = {
        **bundle.files,
        "model.ubj": (bare / "model.ubj").read_bytes(),
        "reference.json": canonical_json(reference(SHOP, LEVELS, matrix.T, probability)),
        "curves.json": canonical_json(curves(label, {"xgboost": probability, "logit": beside})),
        "population.json": canonical_json(market.to_json()),
        "evidence.json": canonical_json(evidence),
    }
    write_bundle(full, read_manifest(msgspec.to_builtins(manifest, enc_hook=float)), files)
    facts = {"registered_at": "2026-01-02T00:00:00Z", "run_id": "test"}
    install_release(home, name, version, full, report=b"<!doctype html><title>report</title>", facts=facts)
    make_current(home, name, version)


def _by_group(label: Any, probability: Any) -> list[TraitDocument]:
    """Two groups of a trait."""
    first, rest = (curve_of(label[part], probability[part], 50) for part in (slice(0, 500), slice(500, None)))
    return [{"feature": "subscribed", "groups": [{"group": "true", "curve": first}, {"group": "false", "curve": rest}]}]


def _figures(label: Any, probability: Any, beside: Any, ladder: Ladder) -> dict[str, Any]:
    apart = Clusters.apart(len(label))
    over = paired_gain(label, probability, beside, apart, seed=1)
    return {
        "metrics": measure(label, probability),
        "intervals": intervals(label, probability, apart, seed=1),
        "baselines": {"logit": measure(label, beside)},
        "tenths": Outcomes.of(label, probability).tenths(),
        "over_bar": {"name": "logit", **over},
        "bands": {**_bands(ladder), "realised": realised(ladder, probability, label, apart)},
        "rows": {"train": 800, "test": len(label)},
        "base_rate": {"train": 0.4, "test": float(label.mean())},
    }


def _bands(ladder: Ladder) -> dict[str, Any]:
    return {
        "codes": list(ladder.codes),
        "labels": {"fr": ["Faible", "Moyen", "Élevé"], "en": ["Low", "Medium", "High"]},
        "thresholds": list(ladder.thresholds),
        "plan": None,
    }


def freeze_segments(home: Path, scratch: Path) -> None:
    """Two snapshots of the default segments, a report between them, and contacts of whom half agreed, in `scratch`."""
    folder = scratch / "audiences"
    folder.mkdir()
    for seed, (name, day) in enumerate((("before", "2025-11-03"), ("after", "2026-02-03"))):
        rows = [{"customer_id": f"m{n}", **row} for n, row in enumerate(shop_rows(CUSTOMERS, seed=seed))]
        pq.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet")
        files = ["--input", str(folder / "rows.parquet"), "--output", str(folder / f"{name}.parquet")]
        assert main(["snapshot", "--home", str(home), *files, "--as-of", day]) == 0
    outcomes = pa.table({"customer_id": [f"m{n}" for n in range(0, CUSTOMERS, 3)]})
    pq.write_table(outcomes, folder / "outcomes.parquet")
    dates = ["--before", str(folder / "before.parquet"), "--after", str(folder / "after.parquet")]
    report = ["segment-report", "--home", str(home), *dates, "--outcomes", str(folder / "outcomes.parquet")]
    assert main([*report, "--outcome", "bought"]) == 0
    lines = [f"m{n},m{n}@example.com,{'yes' if n % 2 else 'no'}" for n in range(CUSTOMERS - 10)]
    lines += [f"c{n},c{n}@example.com,{'yes' if n % 2 else 'no'}" for n in range(300)]  # of the days, where there are
    (folder / "contacts.csv").write_text("\n".join(["customer_id,mail,agreed", *lines, "m1,,yes"]))
    contacts = ["contacts", str(folder / "contacts.csv"), "--home", str(home), "--email", "mail", "--consent", "agreed"]
    assert main(contacts) == 0


def note_verdicts(home: Path) -> None:
    """What a gate may have decided: kept back, promoted, and a use case refused that was never served."""
    gain: Interval = {"mean": 0.0123, "low": 0.001, "high": 0.02}
    moves: BandMoves = {"changed": 31, "rows": 900, "from_to": {}}
    losses: DecisionDocument = {"challenger_log_loss": 0.39, "champion_log_loss": 0.4}
    compared: DecisionDocument = {**losses, "log_loss_gain": gain, "least_gain": 0.004, "moves": moves}
    unreadable: DecisionDocument = {**compared, "champion_unreadable": True}
    nothing: DecisionDocument = {}
    first: DecisionDocument = {"log_loss": 0.4, "base_rate_log_loss": 0.6}
    leak: DecisionDocument = {"findings": [{"rule": "separates_alone", "feature": "duration"}]}
    for name, version, rule, figures in (
        ("churn", "1", "first_model", first),
        ("churn", "2", "better", compared),
        ("churn", "3", "champion_kept", unreadable),
        ("leaky", "1", "leak", leak),
        ("propensity", "1", "of_tomorrow", nothing),
    ):
        decision: DecisionDocument = {"version": version, "rule": rule, "promoted": rule in ("first_model", "better")}
        log_decision(home, name, {**decision, "refused": rule == "leak", "reason": "as it was told", **figures})
