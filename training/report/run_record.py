"""What a training leaves behind: its line of the report, and what MLflow keeps of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from scoring.bundle.bundle import canonical_json
from scoring.bundle.manifest import BandRates, Manifest, Setting
from training.bundling.build import Built
from training.provenance import git_commit
from training.registry.lines import BandLine, OpensLine, OutcomeLine, ValueLine
from training.registry.mlflow_registry import Draft
from training.report.comparisons import Comparisons
from training.report.dependence_plot import DEPENDENCE, dependence
from training.report.model_card import inputs, model_card, run_name, run_note
from training.report.plots import beeswarm, draw
from training.selection.opens_worth import OpensWorth
from training.selection.winner import Learned
from training.task import Task
from training.value.learned_value import LearnedValue

SWARM = 1000  # rows of the beeswarm
STRONGEST = 10  # features whose dependence is drawn
EXAMPLES = 5

Floats = NDArray[np.float64]


def report_line(built: Built, opens: OpensWorth | None, value: LearnedValue | None = None) -> OutcomeLine:
    """A use case's line of the training report, but for its version and promotion."""
    line = _line_of(built)
    if value is not None:
        line["value"] = _value(value)
    if opens is not None:
        line["opens"] = _opens(opens)
    return line


def _value(value: LearnedValue) -> ValueLine:
    if value.stored is None:
        return {"claimed": False, "why": value.note}
    part = value.stored.part
    return {
        "claimed": True,
        "kind": part.kind,
        "of": part.of,
        "horizon": part.horizon,
        "tested": part.tested,
        "currency": part.currency,
        "ratio": part.test.ratio,
        "young_ratio": part.test.young_ratio,
        "gini": part.test.gini,
        "past_gini": part.test.past_gini,
        "candidates": {kind: msgspec.to_builtins(one) for kind, one in part.candidates.items()},
        "notes": list(part.notes),
    }


def _opens(opens: OpensWorth) -> OpensLine:
    if opens.gain is None:
        return {"log_loss_gain": None, "roc_auc_gain": None, "log_loss_without": None}
    gain = opens.gain
    return {
        "log_loss_gain": gain["log_loss_gain"],
        "roc_auc_gain": gain["roc_auc_gain"],
        "log_loss_without": gain["champion_log_loss"],
    }


def _line_of(built: Built) -> OutcomeLine:
    manifest = built.bundle.manifest
    bands = zip(manifest.bands.realised, _starts(manifest), strict=True)
    line: OutcomeLine = {
        "name": manifest.name,
        "kind": manifest.kind,
        "rows": manifest.rows,
        "base_rate": manifest.base_rate,
        "metrics": manifest.metrics,
        "intervals": manifest.intervals,
        "baselines": manifest.baselines,
        "verdict": manifest.verdict or "",
        "worth": msgspec.to_builtins(manifest.worth),
        "receipt": msgspec.to_builtins(manifest.receipt),
        "findings": [_plain(finding) for finding in manifest.findings or ()],
        "bands": [_band(band, at) for band, at in bands],
    }
    return {**line, "treated": msgspec.to_builtins(manifest.treated)} if manifest.treated else line


def _band(band: BandRates, at: float) -> BandLine:
    return {
        "code": band.code,
        "high": band.high,
        "low": band.low,
        "predicted": band.predicted,
        "realised": band.realised,
        "rows": band.rows,
        "share": band.share,
        "at": at,
    }


def pictures(learned: Learned, built: Built, raw: Floats) -> dict[str, bytes]:
    """The plots of the test, by file name; `raw` are the test rows' probabilities before calibration."""
    rows, contributions = built.sample
    features, barred = built.bundle.features, built.bundle.forbidden
    names = ["other factors | autres facteurs" if feature.name in barred else feature.name for feature in features]
    strength = np.abs(contributions).mean(axis=0)
    named = [at for at in np.argsort(-strength, kind="stable").tolist() if features[at].name not in barred]
    shown = named[:STRONGEST]
    values = [features[at] for at in shown]
    return {
        **draw(learned.test_labels, learned.served, raw),
        "shap_beeswarm.png": beeswarm(contributions[:SWARM], rows[:SWARM], names),
        DEPENDENCE: dependence(values, learned.taught.codes, rows[:, shown], contributions[:, shown]),
    }


def draft(
    task: Task,
    learned: Learned,
    built: Built,
    line: OutcomeLine,
    report: bytes,
    artifacts: dict[str, bytes],
) -> Draft:
    """Everything the registry keeps of a version."""
    manifest = built.bundle.manifest
    example = built.bundle.golden[:EXAMPLES]
    return Draft(
        name=task.name,
        bundle=built.folder,
        report=report,
        outcome=line,
        key=manifest.digests.key,
        manifest_sha256=built.manifest_sha256,
        example=[dict(row.features) for row in example],
        expected=[row.probability for row in example],
        params={"kind": manifest.kind, **manifest.params, "use_case_seed": task.seed, **_windows(manifest)},
        metrics={**manifest.metrics, **_edges(manifest.intervals), **_baseline_metrics(manifest.baselines)},
        tags=_tags(manifest),
        digests=_digests(manifest),
        run_name=run_name(manifest),
        features=inputs(built.bundle.features),
        title=manifest.titled("en"),
        note=run_note(manifest),
        card=model_card(built),
        dataset=(task.name, task.table.digest),
        artifacts=artifacts,
        candidates={
            kind: ({"kind": kind, "chosen": kind == learned.choice.kind, **_settings(learned, kind)}, dict(losses))
            for kind, losses in learned.choice.losses.items()
        },
    )


def kept(plots: dict[str, bytes], shown: Comparisons) -> dict[str, bytes]:
    """The files of a run: plots, the weights of the criteria, the answer about the season, unusual rows."""
    documents = {
        "criteria.json": shown.weighed,
        "season.json": asdict(shown.season),
        "outliers.json": shown.outliers,
    }
    return {**plots, **{name: canonical_json(document) for name, document in documents.items()}}


def _plain(document: Any) -> Any:
    """A typed document as JSON holds it."""
    return msgspec.json.decode(msgspec.json.encode(document))


def _starts(manifest: Manifest) -> list[float]:
    return [0.0, *manifest.bands.thresholds]


def _edges(intervals: dict[str, list[float]]) -> dict[str, float]:
    return {
        f"{name}_{side}": edge
        for name, edges in intervals.items()
        for side, edge in zip(("low", "high"), edges, strict=True)
    }


def _baseline_metrics(baselines: dict[str, dict[str, float]]) -> dict[str, float]:
    return {f"{kind}_{name}": value for kind, metrics in baselines.items() for name, value in metrics.items()}


def _windows(manifest: Manifest) -> dict[str, Setting]:
    return {f"window_{name}": value for name, value in _plain(manifest.windows or {}).items()}


def _settings(learned: Learned, kind: str) -> dict[str, Setting]:
    """With what a candidate was fitted for good, or what the search found for it."""
    if kind in learned.contenders:
        return dict(learned.contenders[kind].fitted.params)
    return learned.choice.settings.found_for(kind)


def _digests(manifest: Manifest) -> dict[str, str]:
    digests = manifest.digests
    return {"data": digests.data, "config": digests.config, "code": manifest.code_revision}


def _tags(manifest: Manifest) -> dict[str, str]:
    tags = {"penchant.kind": manifest.kind, "penchant.trained_to": manifest.trained_to or ""}
    commit = git_commit()
    return {**tags, "mlflow.source.git.commit": commit} if commit else tags
