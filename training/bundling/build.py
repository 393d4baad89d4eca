"""Puts a trained model into a bundle, and proves it."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from msgspec import UNSET
from msgspec.structs import replace
from numpy.typing import NDArray

from features.config.use_case import LogUseCase
from features.point_in_time.compiled_sql import raw_events
from features.spec.texts.text_marks import text_columns
from scoring.bundle.bundle import MANIFEST, Bundle, canonical_json, load_bundle, write_bundle
from scoring.bundle.manifest import Manifest
from scoring.bundle.scorer import Scorer
from scoring.bundle.uplift_part import TreatedRows
from scoring.models.bands import percentile_boundaries
from training.bundling.control_model import ControlModel, check_uplift
from training.bundling.curves import curves
from training.bundling.evidence_file import evidence_document, group_curves
from training.bundling.golden_rows import golden_rows
from training.bundling.manifest import banded, described, ladder_for, reference
from training.bundling.market import market_of
from training.bundling.receipt import check
from training.bundling.usual_warnings import usual_warnings
from training.bundling.value_receipt import StoredValue, check_value
from training.data.clusters import Clusters
from training.data.encode import columns, encode
from training.data.split import Parts
from training.diagnostics.business_value import worth
from training.diagnostics.findings import training_findings
from training.evaluation.evidence import Evidence
from training.fitting.candidates import trees_of
from training.selection.seasonality import learned_from
from training.selection.winner import Learned
from training.task import Task

SAMPLE, LEAST = 2000, 1000  # test rows over which contributions are ranked and drawn
WALKS = 1_000_000  # rows times trees that this may cost, beyond the least rows

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Built:
    """A bundle in a folder, loaded, with what it serves for the test rows."""

    folder: Path
    bundle: Bundle
    sample: tuple[Floats, Floats]  # some encoded test rows, and their contributions in calibrated log-odds
    probability: Floats  # of all test rows

    @property
    def manifest_sha256(self) -> str:
        """What the registry holds the bundle against."""
        return hashlib.sha256((self.folder / MANIFEST).read_bytes()).hexdigest()


def build(
    folder: Path,
    task: Task,
    parts: Parts,
    learned: Learned,
    evidence: Evidence,
    population: pl.DataFrame,
    control: ControlModel | None = None,
    treated: TreatedRows | None = None,
    value: StoredValue | None = None,
) -> Built:
    """Writes the bundle with its golden rows and its receipt; the same input gives the same bytes.

    `population` holds today's customers, whom plans speak of; `control` is of a campaign's customers who were not
    treated, beside whom the effect of a contact is measured; `value` is the model of what customers will bring.
    """
    findings = (*task.table.findings, *training_findings(parts, learned, evidence))
    taught, winner = learned.taught, learned.winner
    probability = learned.served[learned.choice.kind]
    cutoffs = learned_from(parts, task.table.cutoffs) if task.table.cutoffs else None
    # of a ready table the population are the test rows
    today = probability if task.table.cutoffs is None else winner.probability(taught.matrix(population))
    market = market_of(today, probability, learned.test_labels, learned.test_clusters, seed=task.seed)
    ladder, planned = ladder_for(task.use_case, probability, market, average=parts.base_rates()["test"])
    digests, revision, versions = task.provenance()
    manifest = Manifest(
        **described(task.use_case, task.table, cutoffs, taught.features),
        digests=digests,
        code_revision=revision,
        versions=versions,
        kind=winner.fitted.kind,
        params=dict(winner.fitted.params),
        features=taught.features,
        encoder=taught.codes,
        calibration=winner.calibration,
        boundaries=tuple(percentile_boundaries(probability).tolist()),
        bands=banded(task.use_case, ladder, planned, probability, learned.test_labels, learned.test_clusters),
        metrics=evidence.metrics,
        intervals=evidence.intervals,
        baselines=evidence.baselines,
        verdict=evidence.verdict(winner.fitted.kind),
        over_bar=evidence.over_bar,
        seed_variance=evidence.seed_variance,
        treated=treated or UNSET,
        uplift=control.part if control else UNSET,
        value=value.part if value else UNSET,
        tenths=tuple(evidence.tenths),
        findings=findings,
        usual_warnings=usual_warnings(taught.encoder, parts.test, population) or UNSET,
        rows={**parts.counts(), **_customers(learned.test_clusters)},
        base_rate=parts.base_rates(),
        worth=worth(
            task.use_case,
            learned.test_labels,
            probability,
            learned.test_clusters,
            cutoffs.test if cutoffs else None,
        ),
    )
    encoded = columns(taught.features, taught.codes, parts.fit)
    files = {
        **winner.fitted.files,
        "reference.json": canonical_json(reference(taught.features, taught.codes, encoded, probability)),
        "population.json": canonical_json(market.to_json()),
        "curves.json": canonical_json(curves(learned.test_labels, learned.served)),
    }
    if control:
        files[control.part.file] = control.stored
    if value:
        files[value.part.file] = value.stored
    if isinstance(task.use_case, LogUseCase) and task.table.feature_plan is not None:
        plan = task.table.feature_plan.with_texts(text_columns(taught.features))
        files["events.json"] = canonical_json(raw_events(task.use_case, plan))
    most = min(SAMPLE, max(LEAST, WALKS // trees_of(winner.fitted.params)))
    places = np.random.default_rng(0).permutation(parts.test.height)[:most]
    drawn = encode(taught.encoder, parts.test[places])
    scorer = Scorer(_written(folder, manifest, {**files, "golden.jsonl": b""}))
    contributions = scorer.explain(drawn, scorer.score(drawn).margin, in_bulk=True).contributions
    groups = group_curves(task.use_case, taught.features, parts.test, learned.test_labels, probability)
    evidence_file = evidence_document(scorer.bundle, drawn, contributions, groups)
    files = {
        **files,
        "evidence.json": canonical_json(evidence_file),
        "golden.jsonl": golden_rows(scorer, parts.fit, seed=task.seed),
    }
    bundle = _proved(folder, manifest, files, learned, control, value, seed=task.seed)
    return Built(folder, bundle, (drawn, contributions), probability)


def _customers(clusters: Clusters) -> dict[str, int]:
    """How many customers the test rows are of, where some have several."""
    return {} if clusters.alone else {"test_customers": clusters.count}


def _proved(
    folder: Path,
    manifest: Manifest,
    files: dict[str, bytes],
    learned: Learned,
    control: ControlModel | None,
    value: StoredValue | None,
    *,
    seed: int,
) -> Bundle:
    """Writes the bundle twice more: with its golden rows, to be checked; with the receipt.

    What it serves for test rows is what was measured, as the check has shown.
    """
    unchecked = _written(folder, manifest, files)
    measured = learned.served[learned.choice.kind]
    receipt = check(unchecked, learned.winner.fitted.files, learned.test, measured, seed=seed)
    manifest = replace(manifest, receipt=receipt)
    if control:
        manifest = replace(manifest, uplift=replace(control.part, receipt=check_uplift(unchecked, control.test)))
    if value:
        manifest = replace(manifest, value=replace(value.part, receipt=check_value(unchecked, value.test)))
    return _written(folder, manifest, files)


def _written(folder: Path, manifest: Manifest, files: dict[str, bytes]) -> Bundle:
    shutil.rmtree(folder, ignore_errors=True)
    write_bundle(folder, manifest, files)
    return load_bundle(folder)
