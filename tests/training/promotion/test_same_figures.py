"""Texts alone are new: a training serves them, and no number moves."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from features.config.use_case import load_use_case
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.bundle.manifest import Seal
from scoring.releases.store import load_release
from tests.support.models import release_shop
from tests.support.value import with_value
from tests.training.conftest import TABLE, move_artifacts
from training.promotion.same_figures import has_same_figures, has_same_scores
from training.registry.mlflow_registry import Registry
from training.train import train

TEXTS = """title = { fr = "Retours", en = "Coming back" }
outcome = { fr = "revient", en = "comes back" }
"""
LABELS = """
[labels.label]
web = { fr = "boutique en ligne", en = "online shop" }
fax = { fr = "télécopie", en = "fax" }
[actions]
high = { fr = "Appeler", en = "Call" }
"""

# MLflow's own client warns of the libraries it stands on
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


def test_a_change_of_texts_alone_is_served(both: Path, tmp_path: Path) -> None:
    """Every figure is the champion's, so the gate asks no gain of it; answers carry the new texts."""
    home = tmp_path / "home"
    shutil.copytree(both / "home", home)
    move_artifacts(home / "mlflow.db", str(both / "home"), str(home))
    shutil.copy2(both / "world" / "visits.parquet", tmp_path)
    (tmp_path / "visits.toml").write_text(TEXTS + TABLE + LABELS, encoding="utf-8")
    before = Live(load_release(home, "visits"))

    line = train(load_use_case(tmp_path / "visits.toml"), home=home, registry=Registry(home), mode="gate")

    after = Live(load_release(home, "visits"))
    assert line["promoted"], line["reason"]
    assert line["reason"] == "Every figure is the champion's: only texts, or what is shown, are new."
    assert after.release.version == line["version"] != before.release.version
    manifest = after.release.bundle.manifest
    assert (manifest.titled("fr"), manifest.outcome_in("en")) == ("Retours", "comes back")
    assert manifest.labels_of("label", "fr") == {"web": "boutique en ligne"}
    assert [finding["feature"] for finding in line["findings"] if finding["rule"] == "label_without_value"] == ["label"]
    posted = json.loads((home / "requests" / "visits.json").read_text())["profiles"]
    old, new = (
        [answer["scores"]["visits"] for answer in score_profiles({"visits": served}, posted, reasons=3, language="fr")]
        for served in (before, after)
    )
    assert [score["probability"] for score in old] == [score["probability"] for score in new]
    assert "= web" not in json.dumps(new, ensure_ascii=False)
    report = (after.release.folder / "report.html").read_text(encoding="utf-8")
    assert "<h1>Coming back / <span" in report
    assert "Comes back. A high score" in report
    assert "came back = True" not in report


def test_a_value_alone_is_served_where_every_score_is_the_same(tmp_path: Path) -> None:
    """The gate asks no gain in scores of a version that says more; where a score moves, it does."""
    release_shop(tmp_path, "churn", scratch=tmp_path / "scratch", polarity="negative", seed=1)
    champion = Live(load_release(tmp_path, "churn"))
    bundle = with_value(champion).release.bundle
    asked = msgspec.structs.replace(bundle.manifest.digests, config="1")
    golden = {**bundle.manifest.files, "golden.jsonl": Seal("0", 1), "value.json": Seal("0", 1)}
    manifest = msgspec.structs.replace(bundle.manifest, digests=asked, files=golden)
    moved = msgspec.structs.replace(manifest, boundaries=tuple(edge / 2 for edge in manifest.boundaries))

    assert has_same_scores(replace(bundle, manifest=manifest), champion.release.bundle)
    assert not has_same_figures(replace(bundle, manifest=manifest), champion.release.bundle)
    assert not has_same_scores(replace(bundle, manifest=moved), champion.release.bundle)
    assert not has_same_scores(champion.release.bundle, champion.release.bundle)
