"""What MLflow's users see of a training, by MLflow's own client, and what its model answers by parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import polars as pl
import pytest
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from scoring.answers.served_release import Live
from scoring.batch.score_files import score_file
from scoring.releases.store import load_release
from training.registry.mlflow_registry import NOTE, Registry

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"),
    pytest.mark.usefixtures("trained"),
]

NAMES = ("visits", "shop")


@pytest.fixture
def client(registry: Registry) -> mlflow.MlflowClient:
    """MLflow's client, asking the home."""
    registry.select()
    return mlflow.MlflowClient()


def champion(client: mlflow.MlflowClient, name: str) -> tuple[ModelVersion, Run]:
    """The version that serves, and its run."""
    version = client.get_model_version_by_alias(name, "champion")
    return version, client.get_run(str(version.run_id))


@pytest.mark.parametrize("name", NAMES)
def test_pages_say_what_a_training_was(client: mlflow.MlflowClient, home: Path, name: str) -> None:
    """The run by use case and cutoff; experiment, run, model and version have a description; hashes are in one tag."""
    manifest = load_release(home, name).bundle.manifest
    version, run = champion(client, name)

    assert run.info.run_name == f"{name} {manifest.trained_to or manifest.digests.data[:8]}"
    assert client.get_experiment(run.info.experiment_id).tags[NOTE] == manifest.titled("en")
    assert client.get_registered_model(name).description == manifest.titled("en")
    assert manifest.titled("en") in run.data.tags[NOTE]
    ours = {tag for tag in run.data.tags if tag.startswith("penchant.")}
    assert ours == {"penchant.kind", "penchant.trained_to", "penchant.digests"}
    assert json.loads(version.tags["penchant.digests"]).keys() == {"key", "manifest", "data", "config", "code"}


@pytest.mark.parametrize("name", NAMES)
def test_the_card_of_a_version_says_how_good_it_is_and_what_goes_in(
    client: mlflow.MlflowClient, home: Path, name: str
) -> None:
    """Purpose, figures with intervals, bands, how it is called, and the columns, within what MLflow keeps."""
    bundle = load_release(home, name).bundle
    version, _ = champion(client, name)

    card = str(version.description)

    assert bundle.manifest.intended_use["en"] in card
    assert all(f"| {label} |" in card for label in bundle.manifest.bands.labels["en"])
    assert f"models:/{name}@champion" in card
    assert f"| `{bundle.features[0].name}` | {bundle.features[0].type} |" in card
    assert len(card) <= 5000


@pytest.mark.parametrize("name", NAMES)
def test_candidates_have_their_settings(client: mlflow.MlflowClient, name: str) -> None:
    """Each is a run under that of the training, ended, with what it was fitted with; one of them was chosen."""
    _, run = champion(client, name)

    nested = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")

    assert {one.info.status for one in nested} == {"FINISHED"}
    assert [one.data.params["kind"] for one in nested if one.data.params["chosen"] == "True"] == [
        run.data.params["kind"]
    ]
    assert all(one.info.run_name == f"{run.info.run_name}: {one.data.params['kind']}" for one in nested)
    assert any(len(one.data.params) > 2 for one in nested)


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_of_a_scored_file(registry: Registry, home: Path, tmp_path: Path, name: str) -> None:
    """Score, band and reasons in a language, to the bit, from a frame with gaps and an index of its own."""
    registry.select()
    live = Live(load_release(home, name))
    rows = [dict(row.features) for row in live.release.bundle.golden]
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(tmp_path / "rows.parquet")
    score_file({name: live}, tmp_path / "rows.parquet", tmp_path / "out.parquet", reasons=2, language="fr")
    model = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    asked = pd.DataFrame(rows, index=pd.RangeIndex(100, 100 + len(rows)))

    answered = model.predict(asked, params={"output": "answers", "reasons": 2, "language": "fr"})

    want = pl.read_parquet(tmp_path / "out.parquet").drop("customer_id", "model_version", "segment")
    assert list(answered.index) == list(asked.index)
    assert pl.from_pandas(answered).to_dicts() == want.to_dicts()
    assert model.predict(asked, params={"output": "answers"}).shape[1] < answered.shape[1]


@pytest.mark.parametrize(
    "params",
    [{"output": "everything"}, {"reasons": 21}, {"reasons": 1, "language": "de"}],
    ids=["output", "reasons", "language"],
)
def test_a_wrong_parameter_is_refused(registry: Registry, home: Path, params: dict[str, Any]) -> None:
    """With what it may be."""
    registry.select()
    row = load_release(home, "shop").bundle.golden[0]
    model = mlflow.pyfunc.load_model("models:/shop@champion")

    with pytest.raises(ValueError, match="output must be plain or answers"):
        model.predict(pd.DataFrame([dict(row.features)]), params=params)


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_names_columns_parameters_and_types(registry: Registry, home: Path, name: str) -> None:
    """Columns take any pandas form of a value, so their types stand in the metadata; parameters have defaults."""
    registry.select()
    features = load_release(home, name).bundle.features

    info = mlflow.models.get_model_info(f"models:/{name}@champion")

    assert set(info.signature.inputs.input_names()) == {one.name for one in features}
    assert {one.name: one.default for one in info.signature.params.params} == {
        "output": "plain",
        "reasons": 0,
        "language": "en",
    }
    assert (info.metadata or {})["features"] == {
        one.name: f"{one.type} or missing" if one.nullable else one.type for one in features
    }
