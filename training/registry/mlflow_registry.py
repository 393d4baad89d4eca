"""MLflow, and the only file that imports it: runs, versions, aliases."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import wraps
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
import pandas as pd
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, Schema
from mlflow.types import ParamSpec as ModelParam
from mlflow.types.schema import AnyType
from mlflow.utils import requirements_utils
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from features.spec.feature import Scalar
from scoring.bundle.manifest import Setting
from scoring.text.promotion import DecisionDocument
from training.errors import RegistryError
from training.registry.lines import OutcomeLine
from training.registry.new_database import make_database

CHAMPION, PREVIOUS = "champion", "previous"
DECISION, PROMOTED = "penchant.decision", "penchant.promoted"
DIGESTS = "penchant.digests"  # JSON: key, manifest, data, config, code
_ONCE_TAGS = {"key": "penchant.key", "manifest": "penchant.manifest"}  # of versions from before there was the one
NOTE = "mlflow.note.content"  # what MLflow's pages show as the description
LONGEST_CARD = 5000  # characters of a version's description
KIND = "penchant.kind"  # of what is not a model of scores: `segmentation`
MODEL_CODE = Path(__file__).with_name("pyfunc_model.py")
SEGMENTS_CODE = Path(__file__).with_name("pyfunc_segments.py")
CODE = [str(MODEL_CODE.parents[2] / folder) for folder in ("scoring", "features")]
_KNOWN_MODULES = "_MODULES_TO_PACKAGES"
NEEDED = ("mlflow", "msgspec", "numpy", "pandas", "pyarrow", "xgboost-cpu", "xgboost")
LONGEST_PARAM = 500
PARAMS: Mapping[str, tuple[str, str | int]] = {  # that `predict` takes, with their MLflow types and defaults
    "output": ("string", "plain"),  # or `answers`: a frame of all that is answered of a row
    "reasons": ("long", 0),  # with `answers`: how many, 0..20
    "language": ("string", "en"),  # of labels and reasons
}

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Version:
    """A registered model version."""

    name: str
    number: str
    run: str | None
    registered_at: str  # ISO 8601, UTC
    tags: Mapping[str, str]

    @property
    def digests(self) -> Mapping[str, str]:
        """What the version is made of, by hash: `key` and `manifest` at least; empty for one that is none of ours."""
        if DIGESTS in self.tags:
            stated: Mapping[str, str] = json.loads(self.tags[DIGESTS])
            return stated
        return {name: self.tags[tag] for name, tag in _ONCE_TAGS.items() if tag in self.tags}

    @property
    def uri(self) -> str:
        """Its address in the registry."""
        return f"models:/{self.name}/{self.number}"


@dataclass(frozen=True, slots=True)
class Stored:
    """What a version holds, copied to a folder of ours."""

    bundle: Path
    report: bytes
    outcome: OutcomeLine


@dataclass(frozen=True, slots=True)
class Draft:
    """A trained model about to be registered."""

    name: str
    bundle: Path
    report: bytes
    outcome: OutcomeLine
    key: str
    manifest_sha256: str
    example: list[dict[str, Scalar]]  # rows of features, none of them a customer
    expected: list[float] | list[str]  # their probabilities, or codes of a segmentation
    params: Mapping[str, Setting] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)  # besides key and manifest
    run_name: str | None = None
    features: Mapping[str, str] = field(default_factory=dict)  # by name, what may stand there
    title: str = ""  # of the experiment and the registered model, where they are new
    note: str = ""  # of the run
    card: str = ""  # of the version
    dataset: tuple[str, str] = ("", "")  # name, digest
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    candidates: Mapping[str, tuple[Mapping[str, Setting], Mapping[str, float]]] = field(default_factory=dict)
    model_code: Path = MODEL_CODE

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags of run and version: a few to read, and the hashes in one."""
        digests = {"key": self.key, "manifest": self.manifest_sha256, **self.digests}
        return {**self.tags, DIGESTS: json.dumps(digests)}

    @property
    def output(self) -> Literal["double", "string"]:
        """The type of what the model says of a row."""
        return "string" if any(isinstance(one, str) for one in self.expected) else "double"


def _in_our_terms(method: Callable[Concatenate[Registry, P], R]) -> Callable[Concatenate[Registry, P], R]:
    """A method that asks this registry, whichever MLflow last spoke to in this process, and says its errors as ours."""

    @wraps(method)
    def speaking(registry: Registry, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # MLflow and what it stands on warn of each other
                registry.select()
                return method(registry, *args, **kwargs)
        except MlflowException as error:
            raise RegistryError(f"The registry must answer, got: {str(error).splitlines()[0][:300]}") from error

    return speaking  # type: ignore[return-value] # mypy asks for the first argument's name


@contextmanager
def _as_the_user_left_it(*names: str) -> Iterator[None]:
    """MLflow writes its addresses to the environment, where the next home would take them for the user's."""
    before = {name: os.environ.get(name) for name in names}
    yield
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


class Registry:
    """The registry of a home: MLFLOW_TRACKING_URI where it is set, else HOME/mlflow.db."""

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        asked = os.environ.get("MLFLOW_TRACKING_URI")
        self.address = asked or f"sqlite:///{self.home / 'mlflow.db'}"
        self._models = os.environ.get("MLFLOW_REGISTRY_URI") or self.address
        self._local = not asked
        _quiet()
        if self._local:
            make_database(self.home / "mlflow.db", version=mlflow.__version__)
        self._client = self._reached()

    def select(self) -> None:
        """Makes this the registry that MLflow's own functions ask; a process has one at a time."""
        with _as_the_user_left_it("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            mlflow.set_tracking_uri(self.address)
            mlflow.set_registry_uri(self._models)

    @_in_our_terms
    def _reached(self) -> mlflow.MlflowClient:
        client = mlflow.MlflowClient()
        client.search_experiments(max_results=1)
        return client

    @_in_our_terms
    def champion(self, name: str) -> Version | None:
        """The version that is served, if any."""
        return self._alias(name, CHAMPION)

    @_in_our_terms
    def previous(self, name: str) -> Version | None:
        """The champion before, if any."""
        return self._alias(name, PREVIOUS)

    @_in_our_terms
    def by_key(self, name: str, key: str) -> Version | None:
        """The latest version made from the same data, configuration, code and libraries, if any."""
        found = [version for version in self._versions(name) if version.digests.get("key") == key]
        return max(found, key=lambda version: int(version.number), default=None)

    @_in_our_terms
    def version(self, name: str, number: str) -> Version | None:
        """A version by its number, if it is there and one of ours."""
        return next((version for version in self._versions(name) if version.number == number), None)

    @_in_our_terms
    def latest(self, name: str) -> Version | None:
        """The version registered last, if any."""
        return max(self._versions(name), key=lambda version: int(version.number), default=None)

    @_in_our_terms
    def names(self) -> list[str]:
        """The registered models that have a champion."""
        return sorted(model.name for model in self._client.search_registered_models() if CHAMPION in model.aliases)

    @_in_our_terms
    def fetch(self, version: Version, folder: Path) -> Stored:
        """Copies a version's bundle, report and outcome into an empty folder.

        Raises:
            RegistryError: The artifact store has lost some of it.
        """
        try:
            at = Path(mlflow.artifacts.download_artifacts(artifact_uri=version.uri, dst_path=str(folder))) / "artifacts"
            outcome = json.loads((at / "outcome.json").read_bytes())
            return Stored(at / "bundle", (at / "report.html").read_bytes(), outcome)
        except OSError as error:
            lost = Path(error.filename).name if error.filename else type(error).__name__
            raise RegistryError(
                f"The registry must hold what was stored of {version.name} version {version.number}, got no {lost}: "
                "restore its artifacts, or promote another version."
            ) from error

    @_in_our_terms
    def register(self, draft: Draft) -> Version:
        """Records a run and registers its model, after loading it again and holding it against what it should say.

        Raises:
            RegistryError: The stored model does not reproduce the example's answers exactly.
        """
        experiment, tags = self._experiment(draft.name, draft.title), {NOTE: draft.note, **draft.all_tags}
        with mlflow.start_run(experiment_id=experiment, run_name=draft.run_name, tags=tags) as run:
            self._record(experiment, run.info.run_id, draft)
            model = self._log_model(draft)
            self._check(model.model_uri, draft)
        if self._local:
            _narrow(self.home / "mlartifacts")
        self._name(draft)
        registered = self._client.create_model_version(
            draft.name,
            model.model_uri,
            run.info.run_id,
            tags=draft.all_tags,
            model_id=model.model_id,
            description=draft.card[:LONGEST_CARD],
        )
        return _version(registered)

    @_in_our_terms
    def point(self, name: str, number: str) -> None:
        """Makes a version the champion; the champion until now becomes the previous one."""
        before = self._alias(name, CHAMPION)
        if before and before.number != number:
            self._client.set_registered_model_alias(name, PREVIOUS, before.number)
        self._client.set_registered_model_alias(name, CHAMPION, number)
        self._client.set_model_version_tag(name, number, PROMOTED, "true")

    @_in_our_terms
    def note(self, version: Version, decision: DecisionDocument, metrics: Mapping[str, float]) -> None:
        """Keeps a decision with the version and with its run, its figures as metrics."""
        self._client.set_model_version_tag(
            version.name, version.number, DECISION, str(decision["reason"])[:LONGEST_PARAM]
        )
        if version.run:
            self._client.log_dict(version.run, dict(decision), "decision.json")
            self._client.log_batch(version.run, metrics=_metrics(metrics))

    @_in_our_terms
    def record_realised(self, run: str, day: date, figures: Mapping[str, float]) -> None:
        """Adds what was realised of a day to the run of the version that scored it; its step is days since 1970."""
        at, step = int(datetime.now(UTC).timestamp() * 1000), (day - date(1970, 1, 1)).days
        metrics = [Metric(f"realised_{name}", value, at, step) for name, value in figures.items()]
        self._client.log_batch(run, metrics=metrics)

    def _experiment(self, name: str, title: str = "") -> str:
        known = self._client.get_experiment_by_name(name)
        if known:
            return str(known.experiment_id)
        location = (self.home / "mlartifacts" / name).as_uri() if self._local else None
        noted = {NOTE: title} if title else {}
        return str(self._client.create_experiment(name, artifact_location=location, tags=noted))

    def _name(self, draft: Draft) -> None:
        try:
            self._client.get_registered_model(draft.name)
        except MlflowException:
            self._client.create_registered_model(draft.name, description=draft.title or None)

    def _alias(self, name: str, alias: str) -> Version | None:
        try:
            found = _version(self._client.get_model_version_by_alias(name, alias))
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        return found if "manifest" in found.digests else None

    def _versions(self, name: str) -> list[Version]:
        quoted = name.replace("'", "")
        pages = self._client.search_model_versions(f"name = '{quoted}'")
        found = [_version(registered) for registered in pages]
        return [version for version in found if "manifest" in version.digests]

    def _record(self, experiment: str, run: str, draft: Draft) -> None:
        self._client.log_batch(run, metrics=_metrics(draft.metrics), params=_params(draft.params))
        name, digest = draft.dataset
        # MLflow makes one itself, and leaves `profile` abstract
        dataset = MetaDataset(CodeDatasetSource({}), name=name, digest=digest[:36])  # type: ignore[abstract]
        mlflow.log_input(dataset, context="training")
        with tempfile.TemporaryDirectory() as folder:
            for artifact, content in {**draft.artifacts, "report.html": draft.report}.items():
                (Path(folder) / artifact).write_bytes(content)
            self._client.log_artifacts(run, folder)
        for kind, (params, metrics) in draft.candidates.items():
            name = f"{draft.run_name or draft.name}: {kind}"
            one = self._client.create_run(experiment, run_name=name, tags={MLFLOW_PARENT_RUN_ID: run, KIND: kind})
            self._client.log_batch(one.info.run_id, metrics=_metrics(metrics), params=_params(params))
            self._client.set_terminated(one.info.run_id)

    def _log_model(self, draft: Draft) -> Any:
        with tempfile.TemporaryDirectory() as folder, _pins_as_installed():
            report, outcome = Path(folder) / "report.html", Path(folder) / "outcome.json"
            report.write_bytes(draft.report)
            outcome.write_text(json.dumps(draft.outcome, sort_keys=True, ensure_ascii=False))
            example = pd.DataFrame(draft.example)
            return mlflow.pyfunc.log_model(
                name="model",
                python_model=str(draft.model_code),
                code_paths=CODE,
                artifacts={"bundle": str(draft.bundle), "report": str(report), "outcome": str(outcome)},
                signature=ModelSignature(
                    # any type: a gap turns pandas integers into floats, which a stricter signature would refuse
                    Schema([ColSpec(_any_type(), name, required=True) for name in example.columns]),
                    Schema([ColSpec(draft.output)]),
                    ParamSchema([ModelParam(name, kind, default) for name, (kind, default) in PARAMS.items()]),
                ),
                metadata={"features": draft.features},
                input_example=example,
                pip_requirements=_requirements(),
            )

    def _check(self, uri: str, draft: Draft) -> None:
        with _same_path():
            stored = mlflow.pyfunc.load_model(uri, suppress_warnings=True)
            said = stored.predict(pd.DataFrame(draft.example))
        if (said["probability"] if isinstance(said, pd.DataFrame) else said).tolist() != draft.expected:
            raise RegistryError("A stored model must answer of its example exactly as before, this one does not.")


def _version(registered: Any) -> Version:
    moment = datetime.fromtimestamp(registered.creation_timestamp / 1000, UTC).isoformat(timespec="milliseconds")
    return Version(registered.name, str(registered.version), registered.run_id, moment, dict(registered.tags))


def _metrics(figures: Mapping[str, float]) -> list[Metric]:
    now = int(datetime.now(UTC).timestamp() * 1000)
    return [Metric(name, value, now, 0) for name, value in figures.items()]


def _params(settings: Mapping[str, Setting]) -> list[Param]:
    return [Param(name, str(value)[:LONGEST_PARAM]) for name, value in settings.items()]


def _requirements() -> list[str]:
    pins = []
    for package in NEEDED:
        try:
            pins.append(f"{package}=={version(package)}")
        except PackageNotFoundError:
            continue
    return pins


def _narrow(folder: Path) -> None:
    """Takes from all files and folders what the umask withholds: MLflow copies code with the permissions it has."""
    withheld = os.umask(0o077)
    os.umask(withheld)
    for path in folder.rglob("*"):
        mode = path.stat().st_mode
        if mode & withheld:
            path.chmod(stat.S_IMODE(mode) & ~withheld)


@contextmanager
def _same_path() -> Iterator[None]:
    """Loading a model puts its copy of our code first on the path; here ours stays first."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before


def _quiet() -> None:
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def _pins_as_installed() -> Iterator[None]:
    """MLflow would read the files of every installed package, to warn of pins that differ: ours were read from there.

    Which module is of which package takes a second to find out; a package is asked for its version by its own name.
    MLflow has no setting for it: where a version of it keeps that elsewhere, it takes its second.
    """
    mlflows: Any = requirements_utils
    if getattr(mlflows, _KNOWN_MODULES, "elsewhere") is not None:
        yield
        return
    setattr(mlflows, _KNOWN_MODULES, {})
    try:
        yield
    finally:
        setattr(mlflows, _KNOWN_MODULES, None)


def _any_type() -> Any:
    made: Any = AnyType
    return made()
