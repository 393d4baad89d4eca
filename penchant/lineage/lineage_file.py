"""Where events go: by OpenLineage's own variables, else by [lineage] of HOME/run.toml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from features.config.use_case import read_toml
from features.config.value_types import ListSection
from features.errors import UseCaseError
from scoring.audiences.pressure.pressure_rules import RUN_FILE

NAMESPACE = "penchant"  # of jobs and of what a home holds
_TRANSPORTS = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT")  # how names of variables begin


class LineageSection(ListSection):
    """Where events go; the environment's variables come first."""

    file: Annotated[str, Field(min_length=1)] | None = None  # a line of JSON an event, from the home
    url: Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/[^\s@]*)?$")] | None = None  # without user and password
    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$")] = NAMESPACE

    @model_validator(mode="after")
    def _goes_to_one(self) -> Self:
        if self.file is not None and self.url is not None:
            raise ValueError("at most one of file and url must be given")
        return self


def is_asked_for(section: LineageSection, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether anybody wants events."""
    if environment.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    return _by_environment(environment) or section.file is not None or section.url is not None


def client_config(
    section: LineageSection, home: Path, environment: Mapping[str, str] = os.environ
) -> dict[str, Any] | None:
    """What OpenLineage's client is made of; None where its own variables say it."""
    if _by_environment(environment):
        return None
    if section.file is not None:
        file = home / section.file
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {"transport": {"type": "file", "log_file_path": str(file), "append": True}}
    return {"transport": {"type": "http", "url": section.url, "timeout": 2.0, "retry": {"total": 1}}}


def lineage_section(home: Path) -> LineageSection:
    """What the file of a home says, nothing where it is broken: the run itself names what is."""
    try:
        return LineageSection.model_validate(read_toml(home / RUN_FILE).get("lineage", {}))
    except (OSError, UseCaseError, ValidationError):
        return LineageSection()


def _by_environment(environment: Mapping[str, str]) -> bool:
    return any(value and name.startswith(_TRANSPORTS) for name, value in environment.items())
