"""Puts learned clusters into a bundle, proves it, and registers, decides and installs it as any model."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from msgspec import UNSET
from numpy.typing import NDArray

from features.spec.feature import Feature, Scalar
from scoring.bundle.bundle import MANIFEST, canonical_json
from scoring.bundle.manifest import Digests
from scoring.errors import BundleError
from scoring.reasons.persona_names import group_names, small_name
from scoring.releases.current_pointer import released_use_cases
from scoring.segments.learned import LearnedSegments, Nearest, NearestCentroid
from scoring.segments.personas import FEWEST, GroupSheet, GroupTheme, read_personas
from scoring.segments.segmentation_bundle import (
    GOLDEN,
    LEARNED,
    PERSONAS,
    GoldenCustomer,
    Segmentation,
    SegmentationManifest,
    SegmentationReceipt,
    Verdict,
    load_segmentation_bundle,
    write_segmentation,
)
from scoring.segments.segmentation_release import mark_segmentation
from scoring.text.promotion import BandMoves
from training.errors import ReceiptError, Refused
from training.promotion.decision_log import note_decision
from training.promotion.gate import NO_GROUPS, Decision, decision_record
from training.promotion.sync import adopt, home_lock
from training.provenance import code_revision, key_digest, library_versions
from training.registry.lines import FindingLine, OutcomeLine
from training.registry.mlflow_registry import DECISION, KIND, SEGMENTS_CODE, Draft, Registry, Version
from training.segmentation.group_gate import decide_segmentation, group_moves, stable_codes
from training.segmentation.sheets.group_sheets import GroupedRows, LaterOutcomes, distinguishing, numbers, sheets
from training.task import Mode

ROWS, QUANTILES = 64, 101
ADDS_UP = 1e-9  # on a margin
SEGMENTATION = "segmentation"  # the kind of its bundles
_NOTHING_FOUND: FindingLine = {
    "rule": NO_GROUPS,
    "feature": None,
    "severity": "block",
    "detail": "There is nothing to serve: neither clusters nor slices that say something of outcomes.",
    "figures": {},
}

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class LearnedSegmentation:
    """What was learned, about to be registered; codes and labels are those of `first_codes` or any others."""

    name: str
    learned: LearnedSegments
    features: tuple[Feature, ...]  # those that clusters read, others are passed over
    rows: pl.DataFrame  # of the features, one a customer that was learned from
    verdict: Verdict
    method: str
    source: str  # log or table
    data_digest: str
    config_digest: str
    report: bytes
    seed: int
    trained_to: str | None = None
    outcomes: LaterOutcomes | None = None  # by the codes of `learned`
    themes: Mapping[str, tuple[GroupTheme, ...]] = field(default_factory=dict)  # likewise: what members write of
    forbid: tuple[str, ...] = ()
    labels: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)  # of values
    params: Mapping[str, Scalar] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RegisteredSegmentation:
    """What became of it."""

    version: str
    promoted: bool
    reason: str
    learned: LearnedSegments  # with the codes and labels that it has for good
    sheets: tuple[GroupSheet, ...]
    which: NDArray[np.int64]  # the cluster of each row
    moves: BandMoves | None  # against the champion


def register_segmentation(
    home: Path, registry: Registry, made: LearnedSegmentation, *, mode: Mode = "gate"
) -> RegisteredSegmentation:
    """Registers a segmentation and, where the gate lets it, makes it serve; takes the home's lock meanwhile.

    The same data, configuration and code give the version that is there already.

    Raises:
        Refused: A use case has its name.
        ReceiptError: Its reasons do not add up.
        RegistryError: The registry cannot be reached.
    """
    with home_lock(home), tempfile.TemporaryDirectory() as scratch:
        if made.name in released_use_cases(home) or _is_scored(registry, made.name):
            raise Refused(f"A segmentation needs a name of its own, {made.name} is a use case.")
        key = key_digest(made.data_digest, made.config_digest, code_revision(), library_versions())
        serving, known = registry.champion(made.name), registry.by_key(made.name, key)
        champion = _fetched(registry, serving, Path(scratch) / "champion")
        bundle = _fetched(registry, known, Path(scratch) / "known")
        if known is None or bundle is None:
            known, bundle = None, _built(Path(scratch) / "bundle", made, champion, key)
        nearest = bundle.nearest
        which = nearest.assign(nearest.raw_of(raw_columns(made.rows, bundle.learned))).which
        moves = None if champion is None else _moves(champion, bundle, made.rows, which)
        decision = decide_segmentation(made.verdict, champion, moves, mode=mode)
        if known is None:
            version = registry.register(_draft(made, bundle, Path(scratch) / "bundle", key))
        elif DECISION in known.tags and serving is not None and mode != "always":
            decision, version = Decision(promote=False, rule="segmentation_unchanged"), known
        else:
            version = known
        _settle(registry, home, version, decision, old=decision.rule == "segmentation_unchanged")
        return RegisteredSegmentation(
            version=version.number,
            promoted=decision.promote,
            reason=decision.reason,
            learned=bundle.learned,
            sheets=read_personas(bundle.files[PERSONAS]).groups,
            which=which,
            moves=moves,
        )


def raw_columns(rows: pl.DataFrame, learned: LearnedSegments) -> dict[str, NDArray[np.float64] | NDArray[np.object_]]:
    """The columns of a table that clusters read, as `NearestCentroid.raw_of` takes them."""
    return {
        name: np.asarray(column.cast(pl.String).to_list(), dtype=object)
        if (column := rows[name]).dtype in (pl.String, pl.Categorical, pl.Enum)
        else numbers(column)
        for name in learned.names
    }


def _is_scored(registry: Registry, name: str) -> bool:
    latest = registry.latest(name)
    return latest is not None and latest.tags.get(KIND) != SEGMENTATION


def _fetched(registry: Registry, version: Version | None, folder: Path) -> Segmentation | None:
    """A version's segmentation; None where there is none, or the registry's copy is damaged."""
    if version is None:
        return None
    folder.mkdir()
    try:
        return load_segmentation_bundle(registry.fetch(version, folder).bundle)
    except BundleError:
        return None


def _named(made: LearnedSegmentation, champion: Segmentation | None) -> tuple[LearnedSegmentation, GroupedRows]:
    """The same with the codes and labels it has for good, and its customers with their clusters."""
    learned, outcomes, themes = made.learned, made.outcomes, made.themes
    if champion is not None:
        codes = stable_codes(learned, champion.learned, champion.manifest.used_codes)
        renamed = dict(zip(learned.codes, codes, strict=True))
        blank = {code: {"en": code, "fr": code} for code in codes}
        learned = msgspec.structs.replace(learned, codes=codes, labels=blank)
        themes = {renamed[code]: of for code, of in themes.items() if code in renamed}
        if outcomes is not None:
            rates = {renamed[code]: rate for code, rate in outcomes.rates.items() if code in renamed}
            outcomes = LaterOutcomes(rates, outcomes.differ, outcomes.base_rate, outcomes.outcome)
    nearest = NearestCentroid(learned)
    raw = nearest.raw_of(raw_columns(made.rows, learned))
    grouped = GroupedRows(made.rows, nearest.scaled(raw), nearest.assign(raw).which)
    found = distinguishing(grouped, learned, made.features)
    spoken = {code: [one for one in of if one.feature.name not in made.forbid] for code, of in found.items()}
    large = {code: of for at, (code, of) in enumerate(spoken.items()) if (grouped.which == at).sum() >= FEWEST}
    small = {code: small_name(code) for code in spoken if code not in large}
    learned = msgspec.structs.replace(learned, labels={**small, **group_names(large, made.labels)})
    return replace(made, learned=learned, outcomes=outcomes, themes=themes), grouped


def _built(folder: Path, made: LearnedSegmentation, champion: Segmentation | None, key: str) -> Segmentation:
    """Writes the bundle with golden rows and receipt, and reads it back; the same input gives the same bytes."""
    named, grouped = _named(made, champion)
    learned, nearest = named.learned, NearestCentroid(named.learned)
    golden = _golden(named, nearest)
    found = nearest.assign(nearest.raw_of(raw_columns(made.rows, learned)))
    off = _largest_difference(found)
    if off > ADDS_UP:
        raise ReceiptError(f"Reasons must add up to a margin within {ADDS_UP:g}, got {off:.2g}.")
    used = champion.manifest.used_codes if champion else ()
    manifest = SegmentationManifest(
        code_revision=code_revision(),
        digests=Digests(config=made.config_digest, data=made.data_digest, key=key),
        features=tuple(one for one in made.features if one.name in learned.names),
        forbid=made.forbid,
        labels={language: dict(map(_plain, of.items())) for language, of in made.labels.items()} or UNSET,
        method=made.method,
        name=made.name,
        params=dict(made.params),
        receipt=SegmentationReceipt(len(golden), off, made.rows.height),
        rows=made.rows.height,
        sizes={code: int((found.which == at).sum()) for at, code in enumerate(learned.codes)},
        source="log" if made.source == "log" else "table",
        trained_to=made.trained_to,
        used_codes=tuple(dict.fromkeys((*used, *learned.codes))),
        verdict=made.verdict,
        versions=library_versions(),
    )
    files = {
        LEARNED: _json(learned),
        GOLDEN: b"".join(msgspec.json.encode(row, order="sorted") + b"\n" for row in golden),
        PERSONAS: _json(sheets(grouped, learned, made.features, named.outcomes, named.themes)),
    }
    write_segmentation(folder, manifest, files)
    return load_segmentation_bundle(folder)


def _plain(item: tuple[str, Mapping[str, str]]) -> tuple[str, dict[str, str]]:
    return item[0], dict(item[1])


def _json(document: msgspec.Struct) -> bytes:
    return canonical_json(msgspec.to_builtins(document, enc_hook=float))


def _largest_difference(found: Nearest) -> float:
    return float(np.abs(found.contributions.sum(axis=1) - found.margin).max(initial=0.0))


def _golden(made: LearnedSegmentation, nearest: NearestCentroid) -> list[GoldenCustomer]:
    """Made-up rows, each value drawn alone from its column's quantiles, so that none is a customer's."""
    random, learned = np.random.default_rng(made.seed), made.learned
    drawn = {name: _drawn(values, random) for name, values in raw_columns(made.rows, learned).items()}
    columns = {
        name: np.asarray(values, dtype=object)
        if any(isinstance(one, str) for one in values)
        else np.asarray([np.nan if one is None else one for one in values], np.float64)
        for name, values in drawn.items()
    }
    found = nearest.assign(nearest.raw_of(columns))
    pairs = zip(found.which.tolist(), found.margin.tolist(), strict=True)
    return [
        GoldenCustomer(learned.codes[which], {name: values[row] for name, values in drawn.items()}, margin)
        for row, (which, margin) in enumerate(pairs)
    ]


def _drawn(values: NDArray[np.float64] | NDArray[np.object_], random: np.random.Generator) -> list[float | str | None]:
    """Values of a column at even steps of its order, none of the outermost of few customers; missing ones as often."""
    texts = values.dtype == object
    known = [one for one in values.tolist() if one is not None] if texts else values[~np.isnan(values)].tolist()
    missing = random.random(ROWS) < 1 - len(known) / max(len(values), 1)
    if not known:
        return [None] * ROWS
    ordered = sorted(known)
    inside = 0 if texts else min(9, (len(ordered) - 1) // 2)
    picked = np.linspace(inside, len(ordered) - 1 - inside, QUANTILES).astype(int)[random.integers(0, QUANTILES, ROWS)]
    return [None if gone else ordered[at] for gone, at in zip(missing.tolist(), picked.tolist(), strict=True)]


def _moves(champion: Segmentation, bundle: Segmentation, rows: pl.DataFrame, which: Ints) -> BandMoves | None:
    """Who would move; None where the champion reads what the rows no longer have."""
    if not set(champion.learned.names) <= set(rows.columns):
        return None
    nearest = champion.nearest
    before = nearest.assign(nearest.raw_of(raw_columns(rows, champion.learned))).which
    return group_moves(before, which, champion.learned, bundle.learned)


def _draft(made: LearnedSegmentation, bundle: Segmentation, folder: Path, key: str) -> Draft:
    golden = bundle.golden[:5]
    outcome: OutcomeLine = {
        "name": made.name,
        "kind": SEGMENTATION,
        "rows": {"train": made.rows.height},
        "base_rate": {},
        "metrics": dict(made.metrics),
        "intervals": {},
        "baselines": {},
        "verdict": made.verdict,
        "worth": None,
        "receipt": msgspec.to_builtins(bundle.manifest.receipt),
        "findings": [_NOTHING_FOUND] if made.verdict == "none" else [],
        "bands": [],
    }
    return Draft(
        name=made.name,
        bundle=folder,
        report=made.report,
        outcome=outcome,
        key=key,
        manifest_sha256=hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(),
        example=[dict(row.features) for row in golden],
        expected=[row.code for row in golden],
        params={"method": made.method, "k": len(bundle.learned.codes), **made.params},
        metrics=made.metrics,
        tags={KIND: SEGMENTATION, "verdict": made.verdict},
        dataset=(made.name, made.data_digest),
        model_code=SEGMENTS_CODE,
        run_name=f"{made.name}: {made.method}",
        title=made.name,
        note=f"Groups found without an outcome: {made.verdict}, {len(bundle.learned.codes)} by {made.method}.",
        card=f"Groups found without an outcome: {made.verdict}, {len(bundle.learned.codes)} by {made.method}.",
    )


def _settle(registry: Registry, home: Path, version: Version, decision: Decision, *, old: bool) -> None:
    """Keeps the decision with the version and in the home, and where it is yes makes the version serve."""
    mark_segmentation(home, version.name)  # also where nothing is promoted: its decisions are no use case's
    if decision.promote:
        adopt(registry, home, version)
    if not old:
        registry.note(version, decision.to_json(), decision.numbers())
        note_decision(home, version.name, decision_record(version.number, decision))
