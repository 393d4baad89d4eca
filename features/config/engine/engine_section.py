"""Which engine computes the features of a log: the DuckDB that reads it, or a cluster or database elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from features.config.value_types import ListSection

_keys = {"duckdb": (), "spark": ("master", "folder"), "postgres": ("url_env",)}


def _variable(name: str) -> str:
    if not name.replace("_", "").isalnum() or not name.isupper():
        raise ValueError("must be the name of an environment variable, in capitals, never the address itself")
    return name


class EngineSection(ListSection):
    """The section `[engine]`; whatever the engine, the features are the same."""

    kind: Literal["duckdb", "spark", "postgres"] = "duckdb"
    master: Annotated[str, Field(min_length=1)] | None = None  # of Spark; by default as its configuration says
    url_env: Annotated[str, AfterValidator(_variable)] | None = None  # that holds the address of PostgreSQL
    folder: Path | None = None  # of Spark, that all its workers share; by default the machine's temporary one

    @model_validator(mode="after")
    def _keys_are_of_the_kind(self) -> Self:
        strangers = [
            name
            for name in ("master", "folder", "url_env")
            if getattr(self, name) is not None and name not in _keys[self.kind]
        ]
        broken = [f"{name} does not go with kind {self.kind!r}" for name in strangers]
        if self.kind == "postgres" and self.url_env is None:
            broken.append("url_env must name the environment variable that holds the address of PostgreSQL")
        if broken:
            raise ValueError("; ".join(broken))
        return self
