"""A whole training on a small log and a small table: the report line, the bundle, the registry, the release store."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import mlflow
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from features.build.log_table import learning_table
from features.config.use_case import Quality, load_use_case
from features.errors import UseCaseError
from scoring.bundle.bundle import Bundle, load_bundle
from scoring.bundle.golden_rows import replay
from scoring.bundle.scorer import Scorer
from scoring.models.calibration import sigmoid
from scoring.models.model import Model
from scoring.models.stored_model import model_files
from scoring.releases.current_pointer import current_version
from scoring.releases.promotion_log import read_decisions
from scoring.releases.store import load_release
from training.bundling.build import Built, build
from training.bundling.receipt import check
from training.data.encode import encode
from training.data.population import current
from training.data.split import split
from training.errors import NothingLearned, ReceiptError, Refused
from training.promotion.sync import promote, rollback, sync
from training.registry.mlflow_registry import CHAMPION, Registry
from training.selection.cross_validation import Choice
from training.selection.seasonality import with_season
from training.selection.winner import choose_for, fit, measured
from training.task import Task
from training.train import train

CONTRACT = Path(__file__).parents[1] / "contract" / "training-report.schema.json"
NAMES = ("visits", "shop")

# MLflow's own client warns of the libraries it stands on
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


Tested = tuple[Bundle, dict[str, bytes], NDArray[np.float32], NDArray[np.float64]]


class Leaving:
    """A model whose contributions leave a hundredth of log-odds unsaid wherever more than five rows are asked for."""

    def __init__(self, model: Model) -> None:
        self.margin, self.bias, self._said = model.margin, model.bias, model.contributions

    def contributions(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each feature adds, but for what is left."""
        said = self._said(matrix)
        return said - np.eye(1, said.shape[1]) * (0.01 if len(matrix) > 5 else 0.0)

    def contributions_in_bulk(self, matrix: NDArray[np.float32]) -> None:
        """No faster way."""


def files(folder: Path) -> dict[str, str]:
    """Every file below a folder with its sha256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def model_of(folder: Path) -> dict[str, bytes]:
    """The files of a bundle's model."""
    return model_files({path.name: path.read_bytes() for path in folder.iterdir()})


def posted(home: Path, name: str) -> list[dict[str, Any]]:
    """The features of the ten customers in the request written for a use case."""
    return [profile["features"] for profile in json.loads((home / "requests" / f"{name}.json").read_text())["profiles"]]


def test_the_report_keeps_its_contract(trained: dict[str, dict[str, Any]]) -> None:
    """The JSON of a training is what its schema promises, with the baselines of its kind."""
    jsonschema.validate(list(trained.values()), json.loads(CONTRACT.read_text()))

    assert set(trained["visits"]["baselines"]) <= {"logit"}
    assert set(trained["shop"]["baselines"]) == {"rfm_logit", "recency"}
    assert trained["visits"]["promoted"]


@pytest.mark.parametrize("name", NAMES)
def test_a_promoted_model_is_on_the_release_store(trained: dict[str, dict[str, Any]], home: Path, name: str) -> None:
    """The release named in the report loads, replays its golden rows, and holds its report."""
    release = load_release(home, name)

    assert (home / trained[name]["release"]) == release.folder
    assert replay(release.bundle) == 64
    assert b'lang="fr"' in (release.folder / "report.html").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_reasons_add_up_on_every_test_row(
    trained: dict[str, dict[str, Any]], home: Path, world: Path, name: str
) -> None:
    """On each test row the base value and the contributions give the probability within 1e-6."""
    use_case = load_use_case(world / f"{name}.toml")
    scorer = Scorer(load_release(home, name).bundle)
    matrix = encode(scorer.encoder, split(learning_table(use_case), seed=use_case.seed).test)

    scored = scorer.score(matrix)
    explained = scorer.explain(matrix, scored.margin)

    sums = sigmoid(explained.base_value + explained.contributions.sum(axis=1))
    assert np.abs(sums - scored.probability).max() < 1e-6
    receipt = scorer.bundle.manifest.receipt
    assert receipt.rows == receipt.test_rows == len(matrix)
    assert receipt.largest_oracle_difference is not None
    assert receipt.largest_oracle_difference < 1e-5


def test_a_candidate_that_needs_a_log_cannot_be_asked_of_a_table(world: Path, home: Path, registry: Registry) -> None:
    """It is told by the file and the key, with the candidates there are."""
    use_case = load_use_case(world / "visits.toml").model_copy(update={"candidate": "recency"})
    task = Task(use_case, learning_table(use_case), home, registry, "never")

    known = "logit, additive, forest, xgboost, forest_rates, xgboost_rates, blend"
    with pytest.raises(UseCaseError, match=rf"visits.toml.*candidate: must be one of {known} here"):
        choose_for(task, split(task.table, seed=task.seed))


def test_a_score_that_falls_with_the_outcome_is_told_as_nothing_learned(
    world: Path, home: Path, registry: Registry
) -> None:
    """Where the chosen model falls on the rows that calibrate it, the message speaks of features."""
    use_case = load_use_case(world / "visits.toml")
    task = Task(use_case, learning_table(use_case), home, registry, "never")
    parts = split(task.table, seed=task.seed)
    turned = replace(parts, calibrate=parts.calibrate.with_columns(__label=(1 - pl.col("__label")).cast(pl.Int8)))

    with pytest.raises(NothingLearned, match=r"must rise with the outcome.*that of the logit does not"):
        fit(task, turned, Choice("logit"))


@pytest.fixture(scope="module")
def tested(trained: dict[str, dict[str, Any]], home: Path, world: Path) -> Tested:
    """A bundle with its model file, its encoded test rows, and their probabilities."""
    use_case = load_use_case(world / "visits.toml")
    release = load_release(home, "visits")
    scorer = Scorer(release.bundle)
    matrix = encode(scorer.encoder, split(learning_table(use_case), seed=use_case.seed).test, np.float32)
    served = scorer.score(matrix.astype(np.float64)).probability
    return release.bundle, model_of(release.folder), matrix, served


@pytest.mark.parametrize("bounds", [{"MOST": 50}, {"LEAST": 50, "WALKS": 1}], ids=["rows", "rows times trees"])
def test_a_receipt_says_how_many_of_very_many_test_rows_were_checked(
    tested: Tested, monkeypatch: pytest.MonkeyPatch, bounds: dict[str, int]
) -> None:
    """Beyond a number of test rows the reasons of a seeded sample are added up, and the receipt counts both."""
    for name, most in bounds.items():
        monkeypatch.setattr(f"training.bundling.receipt.{name}", most)

    found = check(*tested, seed=1)

    assert (found.rows, found.oracle_rows, found.test_rows) == (50, 50, len(tested[2]))
    assert found == check(*tested, seed=1)


def test_no_receipt_is_given_where_a_bundle_serves_other_than_was_measured(tested: Tested) -> None:
    """Neither for one row, nor by the last bit."""
    bundle, stored, matrix, served = tested
    measured = served.copy()
    measured[7] = np.nextafter(measured[7], 1)

    with pytest.raises(ReceiptError, match=rf"to the bit, 1 of {len(matrix)} rows differ"):
        check(bundle, stored, matrix, measured, seed=1)


def test_no_receipt_is_given_where_contributions_leave_more_than_rounding(
    tested: Tested, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no row of the independent computation shows it: the base value that takes it up does."""
    bundle, stored, matrix, served = tested
    monkeypatch.setattr("training.bundling.receipt.SAMPLE", 5)

    with pytest.raises(ReceiptError, match="from the model's own bias"):
        check(replace(bundle, model=Leaving(bundle.model)), stored, matrix, served, seed=1)


@pytest.fixture(scope="module")
def straight(world: Path, home: Path, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A logit of straight terms, asked for, that guesses missing numbers from what else is known."""
    asked = {"candidate": "logit", "quality": Quality(gaps="neighbours")}
    use_case = load_use_case(world / "visits.toml").model_copy(update=asked)
    task = Task(use_case, learning_table(use_case), home, registry, "never")
    parts = split(task.table, seed=task.seed)
    learned = fit(task, parts, choose_for(task, parts))
    population = current(use_case, task.table, parts.test)
    folder = tmp_path_factory.mktemp("straight")
    return build(folder, task, parts, learned, measured(task, parts, learned), population)


def test_a_value_far_from_all_others_does_not_spoil_a_receipt(straight: Built) -> None:
    """It sends a linear score to where float32 has no thousandths; what is off is told in units of the log-odds."""
    stored = model_of(straight.folder)
    scorer = Scorer(straight.bundle)
    rows = np.array([scorer.encoder.row(row.features)[0] for row in straight.bundle.golden])
    rows[3] = np.where(np.isfinite(rows[3]) & (rows[3] > 9), -3e9, rows[3])
    scored = scorer.score(rows)

    found = check(straight.bundle, stored, rows.astype(np.float32), scored.probability, seed=1)

    assert abs(scored.margin[3]) > 1e6
    assert found.largest_oracle_difference is not None
    assert found.largest_oracle_difference < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_pyfunc_serves_the_same_bits(
    trained: dict[str, dict[str, Any]], home: Path, registry: Registry, name: str
) -> None:
    """MLflow's champion gives the scorer's probabilities with difference 0, from frames with gaps, ints and dates."""
    scorer = Scorer(load_release(home, name).bundle)
    rows = posted(home, name) + [dict(row.features) for row in scorer.bundle.golden]
    expected = [float(scorer.score(np.array([scorer.encoder.row(row)[0]])).probability[0]) for row in rows]
    registry.select()
    model = mlflow.pyfunc.load_model(f"models:/{name}@champion")

    plain, objects, nullable = (
        model.predict(frame).tolist()
        for frame in (pd.DataFrame(rows), pd.DataFrame(rows, dtype=object), pd.DataFrame(rows).convert_dtypes())
    )

    assert plain == expected
    assert objects == expected
    assert nullable == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_request_is_written_that_works_as_it_stands(
    trained: dict[str, dict[str, Any]], home: Path, name: str
) -> None:
    """Ten different customers, whose posted features are valid and eligible."""
    scorer = Scorer(load_release(home, name).bundle)
    profiles = json.loads((home / "requests" / f"{name}.json").read_text())["profiles"]

    encoded = [scorer.encoder.row(profile["features"]) for profile in profiles]

    assert len({profile["customer_id"] for profile in profiles}) == 10
    assert not any(errors for _, errors, _ in encoded)
    assert scorer.eligible(np.array([row for row, _, _ in encoded])).all()


def test_the_same_training_gives_the_same_bytes(
    trained: dict[str, dict[str, Any]], world: Path, home: Path, registry: Registry, tmp_path: Path
) -> None:
    """Built anew from the same data, configuration, seed and code, every file of a bundle is the same."""
    for name in NAMES:
        use_case = load_use_case(world / f"{name}.toml")
        task = Task(use_case, learning_table(use_case), home, registry, "never")
        with threadpool_limits(1, user_api="blas"):  # as a training does
            parts = split(task.table, seed=task.seed)
            parts, choice, _ = with_season(task, parts, choose_for(task, parts))
            learned = fit(task, parts, choice)

            population = current(use_case, task.table, parts.test)
            built = build(tmp_path / name, task, parts, learned, measured(task, parts, learned), population)

        released = files(home / "releases" / name / str(trained[name]["version"]))
        assert files(built.folder).items() <= released.items()


def test_a_gap_is_filled_where_the_use_case_asks_for_it(straight: Built) -> None:
    """A released linear model guesses a missing number from what else is known, and its golden rows replay."""
    scorer = Scorer(load_bundle(straight.folder))
    known = {"âge": 30, "spent so far": None, "label": "web", "joined": "2020-02-01", "member": True}
    matrix = np.array([scorer.encoder.row(row)[0] for row in (known, {**known, "âge": 80, "joined": "2022-05-01"})])
    position = [feature.name for feature in scorer.bundle.features].index("spent so far")
    guessed = scorer.explain(matrix, scorer.score(matrix).margin).contributions[:, position]

    assert replay(scorer.bundle) == 64
    assert guessed[0] != guessed[1]


def test_an_unchanged_training_registers_nothing(
    trained: dict[str, dict[str, Any]], world: Path, home: Path, registry: Registry
) -> None:
    """The same data, configuration, code and libraries say `unchanged` and keep the version."""
    line = train(load_use_case(world / "visits.toml"), home=home, registry=registry, mode="gate")

    assert line["kind"] == "unchanged"
    assert line["version"] == trained["visits"]["version"]
    assert not line["promoted"]
    jsonschema.validate([line], json.loads(CONTRACT.read_text()))


def test_no_golden_row_is_a_customer(trained: dict[str, dict[str, Any]], home: Path, world: Path) -> None:
    """Golden rows are drawn column by column: none of the table's rows is among them."""
    bundle = load_release(home, "visits").bundle
    use_case = load_use_case(world / "visits.toml")
    names = [feature.name for feature in bundle.features]
    real = {tuple(map(str, row)) for row in learning_table(use_case).rows.select(names).iter_rows()}

    assert not real & {tuple(str(row.features[name]) for name in names) for row in bundle.golden}
    thresholds = np.array(bundle.ladder.thresholds)
    assert all(np.abs(row.probability - thresholds).min() > 1e-5 for row in bundle.golden)


def test_a_barred_feature_is_not_named_in_the_report(trained: dict[str, dict[str, Any]], home: Path) -> None:
    """A feature that may not be named does not stand among what weighs most."""
    report = (load_release(home, "visits").folder / "report.html").read_text()

    assert "<td>âge</td>" not in report


def test_deleted_releases_come_back_byte_for_byte(
    trained: dict[str, dict[str, Any]], home: Path, registry: Registry
) -> None:
    """The registry is the source: sync restores the release store as it was."""
    before = files(home / "releases")
    shutil.rmtree(home / "releases")

    sync(registry, home)

    assert files(home / "releases") == before


def test_a_damaged_release_is_replaced(trained: dict[str, dict[str, Any]], home: Path, registry: Registry) -> None:
    """A release whose bytes were changed is fetched anew."""
    before = files(home / "releases")
    golden = load_release(home, "shop").folder / "golden.jsonl"
    golden.write_bytes(golden.read_bytes()[:-5])

    changed = [line["name"] for line in sync(registry, home) if line["changed"]]

    assert changed == ["shop"]
    assert files(home / "releases") == before


def test_aliases_move_the_release_store_and_back(
    trained: dict[str, dict[str, Any]], world: Path, home: Path, registry: Registry, tmp_path: Path
) -> None:
    """A second version may be promoted by hand and rolled back; an alias moved with MLflow's own client counts too."""
    first = str(trained["visits"]["version"])
    other = tmp_path / "visits.toml"
    text = (world / "visits.toml").read_text().replace("seed = 3", "seed = 4")
    other.write_text(text.replace('"visits.parquet"', f'"{world / "visits.parquet"}"'), encoding="utf-8")

    line = train(load_use_case(other), home=home, registry=registry, mode="never")
    assert current_version(home, "visits") == first
    promote(registry, home, "visits", line["version"])
    assert current_version(home, "visits") == line["version"]
    rollback(registry, home, "visits", None)
    assert current_version(home, "visits") == first
    mlflow.MlflowClient().set_registered_model_alias("visits", CHAMPION, line["version"])
    sync(registry, home)
    assert current_version(home, "visits") == line["version"]
    promote(registry, home, "visits", first)
    assert current_version(home, "visits") == first
    noted = [(told["rule"], told["version"]) for told in read_decisions(home, "visits")][::-1]
    second = line["version"]
    assert noted[0] == ("first_model", first)
    assert noted[-5:] == [
        ("never", second), ("by_hand", second), ("rolled_back", first), ("synced", second), ("by_hand", first)
    ]  # fmt: skip


def test_promotions_that_cannot_be_are_refused(
    trained: dict[str, dict[str, Any]], home: Path, registry: Registry
) -> None:
    """An unknown version, and a rollback of what was never promoted, are refused in words."""
    with pytest.raises(Refused, match="has no 99"):
        promote(registry, home, "shop", "99")
    with pytest.raises(Refused, match="none"):
        rollback(registry, home, "shop", None)


def test_the_version_carries_its_bundle_and_provenance(
    trained: dict[str, dict[str, Any]], home: Path, registry: Registry, tmp_path: Path
) -> None:
    """A version holds the very bundle that is served, its digests as tags, and a run with figures and plots."""
    champion = registry.champion("shop")
    assert champion is not None

    stored = registry.fetch(champion, tmp_path)

    assert load_bundle(stored.bundle).manifest == load_release(home, "shop").bundle.manifest
    run = mlflow.MlflowClient().get_run(str(champion.run))
    assert run.data.metrics["log_loss"] == trained["shop"]["metrics"]["log_loss"]
    assert run.inputs is not None
    assert run.inputs.dataset_inputs[0].dataset.digest == load_release(home, "shop").bundle.manifest.digests.data[:36]
    plots = {artifact.path for artifact in mlflow.MlflowClient().list_artifacts(str(champion.run))}
    assert {"roc.svg", "precision_recall.svg", "calibration.svg", "gain.svg", "lift.svg", "shap_beeswarm.png"} <= plots


def test_nothing_is_pickled(trained: dict[str, dict[str, Any]], home: Path) -> None:
    """Neither the release store nor the registry holds a pickle."""
    held = [path for path in home.rglob("*") if path.is_file() and path.suffix != ".db"]

    assert not [
        path for path in held if path.suffix in (".pkl", ".pickle", ".joblib") or path.read_bytes()[:2] == b"\x80\x04"
    ]
