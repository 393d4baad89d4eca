"""One training: what is asked, of which data, and where the result goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from features.build.log_table import LearningTable
from features.columns.expressions import slug
from features.config.use_case import LogUseCase, UseCase
from features.spec.suppression_list import Objectors
from features.tables.digests import config_digest
from scoring.bundle.manifest import Digests
from training.fitting.candidates import candidates
from training.fitting.lesson import Fit
from training.provenance import code_revision, key_digest, library_versions
from training.registry.mlflow_registry import Registry

Mode = Literal["gate", "never", "always"]
BASELINES = {"log": ("rfm_logit", "recency"), "table": ("logit",)}


@dataclass(frozen=True)
class Task:
    """A use case with its learning table, on its way into a registry and into the release store."""

    use_case: UseCase
    table: LearningTable
    home: Path
    registry: Registry
    mode: Mode
    objectors: Objectors | None = None  # who is learned from nowhere, as the home's list had it when the data was read

    @property
    def name(self) -> str:
        """The use case."""
        return self.use_case.name

    @property
    def seed(self) -> int:
        """The seed everything drawn depends on."""
        return self.use_case.seed

    @property
    def label_event(self) -> str | None:
        """The slug of the event that is predicted; None for a ready table."""
        return slug(self.use_case.label.event) if isinstance(self.use_case, LogUseCase) else None

    @property
    def baselines(self) -> tuple[str, ...]:
        """The candidates that the model is shown beside."""
        return BASELINES[self.use_case.source]

    def candidates(self) -> dict[str, Fit]:
        """The models that compete, the simplest first."""
        return candidates(self.table.features, self.label_event, self.use_case.quality.gaps, self.use_case.model)

    def provenance(self) -> tuple[Digests, str, dict[str, str]]:
        """What the bundle is made from: digests, the code's revision, the libraries' versions."""
        digests = Digests(data=self.table.digest, config=config_digest(self.use_case), key=self.key())
        return digests, self._revision(), library_versions()

    def parted(self) -> Task:
        """The same task without its table's rows, once they stand in parts: a large table is not in memory twice."""
        return replace(self, table=replace(self.table, rows=self.table.rows.clear()))

    def key(self) -> str:
        """The one digest of all that decides the bundle's bytes."""
        return key_digest(self.table.digest, config_digest(self.use_case), self._revision(), library_versions())

    def _revision(self) -> str:
        valued = isinstance(self.use_case, LogUseCase) and self.use_case.value is not None
        return code_revision(*(["training.value"] if valued else []))
