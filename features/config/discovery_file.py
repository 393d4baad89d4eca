"""The file of `penchant discover`: a use case with `[discover]`, or data and `[discover]` alone, without a question."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from features.config.discover_section import Discover
from features.config.display_texts import DisplayName
from features.config.file_errors import error_messages
from features.config.sensitive import AcceptedSensitive
from features.config.several_logs import constant_types
from features.config.table_section import TableColumns, TextColumns
from features.config.use_case import Quality, Reasons, UseCase, read_toml, use_case_from
from features.config.value_types import ListSection, ModelName, SourceColumn, TomlTable
from features.errors import UseCaseError
from features.spec.feature import Polarity
from features.spec.options import default_home

_ASSUMED_DAYS = 90  # of the outcome's window where the file asks nothing, at most
_UNKNOWN = "event"  # what stands for the event that is asked about until the log was read
_no_polarity: Polarity = "positive"


class UnlabelledTable(ListSection):
    """A ready table without an outcome, in which groups are looked for."""

    name: ModelName
    seed: Annotated[int, Field(ge=0, lt=2**31, strict=True)] = 0
    table: TableColumns
    texts: TextColumns | None = None  # columns of free texts, whose themes are said of groups
    discover: Discover
    names: dict[str, DisplayName] = Field(default_factory=dict)
    reasons: Reasons = Field(default_factory=Reasons)
    quality: Quality = Field(default_factory=Quality)
    accepted_sensitive: dict[SourceColumn, AcceptedSensitive] = Field(default_factory=dict)
    file: Path = Field(default=Path("discover.toml"), exclude=True)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What is asked of `penchant discover`.

    `source` is a use case, or a table without an outcome. A log without a question is a use case that asks for its
    first log's only event, or the most frequent one, within a window that fits the log.
    """

    source: UseCase | UnlabelledTable
    section: Discover
    asks: bool  # whether the file has an outcome of its own
    any_event: bool = False  # whether which event is asked about is read from the log
    any_window: bool = False  # whether the window is

    @property
    def name(self) -> str:
        """Of the segmentation: the use case's own name is its model's."""
        return self.section.name or (f"{self.source.name}_groups" if self.asks else self.source.name)


def load_discovery(path: Path | str, home: Path | None = None) -> Discovery:
    """What a TOML file asks, its paths made absolute; what stands at an address is read from the home.

    Raises:
        UseCaseError: every broken key at once.
    """
    file = Path(path)
    raw = read_toml(file)
    if "discover" not in raw:
        raise UseCaseError(file, ["[discover] must be given, it may be empty"])
    events, table = raw.get("events"), raw.get("table")
    if "label" in raw or (isinstance(table, dict) and "label" in table) or (events is None) == (table is None):
        return _of_use_case(use_case_from(raw, file, home), file, asks=True)
    if events is None:
        return _of_table(raw, file, home or default_home())
    types, any_window = constant_types(raw), "window" not in raw
    any_event = not types
    asked: TomlTable = {"event": types[0] if types else _UNKNOWN, "outcome": "present"}
    assumed: TomlTable = {"polarity": _no_polarity, "window": {"prediction": f"{_ASSUMED_DAYS}d"}}
    found = _of_use_case(use_case_from({**assumed, **raw, "label": asked}, file, home), file, asks=False)
    return Discovery(found.source, found.section, False, any_event, any_window)


def _of_use_case(use_case: UseCase, file: Path, *, asks: bool) -> Discovery:
    if use_case.discover is None:
        raise UseCaseError(file, ["[discover] must be a section"])
    return Discovery(use_case, use_case.discover, asks)


def _of_table(raw: TomlTable, file: Path, home: Path) -> Discovery:
    known = {key: value for key, value in raw.items() if key not in ("file", "polarity")}
    try:
        stated = UnlabelledTable.model_validate({**known, "file": file})
    except ValidationError as failure:
        raise UseCaseError(file, error_messages(failure)) from failure
    table = stated.table.model_copy(update=stated.table.where(file.resolve().parent, home))
    return Discovery(stated.model_copy(update={"table": table}), stated.discover, asks=False)
