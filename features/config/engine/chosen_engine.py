"""The engine of the command line in the place of the one that a use-case file states."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from features.config.engine.engine_section import EngineSection
from features.config.file_errors import error_messages
from features.config.use_case import LogUseCase, UseCase
from features.errors import UseCaseError

_Asked = TypeVar("_Asked", bound=UseCase)


def with_engine(use_case: _Asked, kind: str | None, master: str | None = None, url_env: str | None = None) -> _Asked:
    """The use case with another engine, where one is named; of its own kind it keeps what the file states.

    Raises:
        UseCaseError: The keys do not go together, or the use case is on a ready table, whose features are there.
    """
    if kind is master is url_env is None:
        return use_case
    if not isinstance(use_case, LogUseCase):
        if kind == "duckdb":
            return use_case
        raise UseCaseError(use_case.file, ["--engine computes the features of a log, the columns of a table are there"])
    own = use_case.engine
    stated = own.model_dump() if kind in (None, own.kind) else {"kind": kind}
    stated |= {name: value for name, value in (("master", master), ("url_env", url_env)) if value is not None}
    try:
        return use_case.model_copy(update={"engine": EngineSection.model_validate(stated)})
    except ValidationError as failure:
        raise UseCaseError(use_case.file, [f"--engine: {rule}" for rule in error_messages(failure)]) from failure


def engine_words(use_case: LogUseCase) -> list[str]:
    """The engine of a use case as options of a command that reads its file again."""
    stated = use_case.engine
    words = ["--engine", stated.kind]
    words += [] if stated.master is None else ["--master", stated.master]
    return [*words, *([] if stated.url_env is None else ["--url-env", stated.url_env])]
