"""The use-case file: which data, which moment, which question (TOML, one file per model)."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator

from features.config.bands import Bands
from features.config.counts import Count, CountSections
from features.config.discover_section import Discover
from features.config.display_texts import DisplayName, InBothLanguages, Text
from features.config.effect import Effect
from features.config.engine.engine_section import EngineSection
from features.config.enrichment import Derive, Enrich
from features.config.file_errors import error_messages, section_conflicts
from features.config.log_sections import (
    CurrencyColumn,
    Eligible,
    Events,
    Label,
    Profiles,
    RefundRule,
    TypeColumn,
    Window,
)
from features.config.model_section import Direction, ModelSection
from features.config.origins.origin_sections import Freshness, Origin
from features.config.sensitive import AcceptedSensitive, SensitiveColumn
from features.config.sensitive_sections import sensitive_columns
from features.config.several_logs import FITTED, FURTHER, logs_in, parted
from features.config.table_section import Table, TableColumns, TextColumns, Treatment
from features.config.value_section import Value
from features.config.value_types import (
    Family,
    FamilyName,
    Fraction,
    ListSection,
    ModelName,
    Scalar,
    SourceColumn,
    SourceColumns,
    TomlTable,
)
from features.errors import UseCaseError
from features.spec.feature import Polarity, slug
from features.spec.options import default_home

__all__ = [
    "Count",
    "CurrencyColumn",
    "Derive",
    "Enrich",
    "Events",
    "ImputationKind",
    "LogUseCase",
    "ModelSection",
    "Profiles",
    "Quality",
    "RefundRule",
    "Scalar",
    "Table",
    "TableColumns",
    "TableUseCase",
    "Treatment",
    "TypeColumn",
    "UseCase",
    "UseCaseFile",
    "Value",
    "Window",
    "load_use_case",
    "origins_of",
    "sections_of",
]

Candidate = Literal[
    "recency", "rfm_logit", "logit", "additive", "forest", "xgboost", "forest_rates", "xgboost_rates", "blend"
]
ImputationKind = Literal["weight", "median", "neighbours", "regression"]


class Reasons(ListSection):
    """Features that are used and never named."""

    forbid: SourceColumns = ()


class Quality(ListSection):
    """Shares of a source that may be bad before it is rejected, and what is made of unusual and of missing values."""

    bad_rows: Fraction = 0.05
    outliers: bool = False  # of a log: count the events with an unusual amount, as one more feature
    gaps: ImputationKind = "weight"  # missing numbers in a linear model: a weight of their own, or imputed


class Sample(ListSection):
    """How much of a log is learned from where one machine cannot hold it all: a part of its customers, each whole."""

    rows: Annotated[int, Field(ge=1000, strict=True)] = 5_000_000  # at most, about: a customer has one at each cutoff


class Question(ListSection):
    """What is asked, of whatever source."""

    name: ModelName
    polarity: Polarity
    seed: Annotated[int, Field(ge=0, lt=2**31, strict=True)] = 0
    candidate: Candidate | None = None  # the kind of model that wins whatever the others do; by default they compete
    model: ModelSection = Field(default_factory=ModelSection)
    monotone: dict[str, Direction] = Field(default_factory=dict)  # by feature, or by a log's family of features
    effect: Effect = "marketing"  # what is decided by the scores
    human_decision: Text | None = None  # who decides by them and how; must be stated but for marketing
    discover: Discover | None = None  # how groups of its customers are looked for


class Presentation(ListSection):
    """How the answers are shown and what is accepted of the data, of whatever source."""

    title: InBothLanguages | None = None  # what the use case is called where people read
    outcome: InBothLanguages | None = None  # what a high score says of a customer: "buys within 90 days"
    labels: dict[SourceColumn, dict[str, InBothLanguages]] = Field(default_factory=dict)  # of values, by column
    bands: Bands = Field(default_factory=Bands)
    actions: dict[str, InBothLanguages] = Field(default_factory=dict)  # what to do next, by the code of a band
    names: dict[str, DisplayName] = Field(default_factory=dict)
    reasons: Reasons = Field(default_factory=Reasons)
    families: dict[FamilyName, Family] = Field(default_factory=dict)  # features that share one reason
    what_if: dict[str, tuple[Scalar, ...]] = Field(default_factory=dict)
    quality: Quality = Field(default_factory=Quality)
    freshness: Freshness = Field(default_factory=Freshness, exclude=True)
    accepted_leaks: dict[str, str] = Field(default_factory=dict)
    accepted_sensitive: dict[str, AcceptedSensitive] = Field(default_factory=dict)
    file: Path = Field(default=Path("use-case.toml"), exclude=True)  # where it was read from
    sensitive: tuple[SensitiveColumn, ...] = Field(default=(), exclude=True)  # of a log, by what the file names

    @model_validator(mode="after")
    def _families_share_no_feature(self) -> Self:
        members = [name for family in self.families.values() for name in family]
        twice = sorted({name for name in members if members.count(name) > 1})
        if twice:
            raise ValueError(f"a feature is in one of the families, got {', '.join(map(repr, twice))} in several")
        return self

    @model_validator(mode="after")
    def _actions_are_of_bands(self) -> Self:
        strangers = sorted(self.actions.keys() - set(self.bands.codes))
        if strangers:
            codes = ", ".join(self.bands.codes)
            raise ValueError(f"actions are of bands ({codes}), got {', '.join(strangers)}")
        return self


class SourceSections(ListSection):
    """The sections of which a log has some and a ready table another."""

    events: Events | None = None
    further_logs: tuple[Events, ...] = ()  # where the file has several
    table: Table | None = None
    texts: TextColumns | None = None
    treatment: Treatment | None = None
    profiles: Profiles | None = None
    enrich: tuple[Enrich, ...] = ()
    window: Window | None = None
    eligible: Eligible | None = None
    label: Label | None = None
    engagement: dict[str, float] = Field(default_factory=dict)
    fit_engagement: bool = False  # in place of stated weights
    value: Value | None = None
    engine: EngineSection = Field(default_factory=EngineSection, exclude=True)
    sample: Sample = Field(default_factory=Sample, exclude=True)

    @model_validator(mode="after")
    def _treatment_fits_its_source(self) -> Self:
        if self.treatment is None:
            return self
        if (self.treatment.campaign is None) != (self.events is None):
            raise ValueError("treatment.column goes with [table], treatment.campaign with [events]")
        if self.table is None:
            return self
        taken = {self.table.label, self.table.customer_id, self.table.order_by, *self.table.exclude}
        if self.treatment.column in taken:
            raise ValueError("treatment.column must be another than label, customer_id, order_by and those excluded")
        return self


class UseCaseFile(Presentation, SourceSections, CountSections, Question):
    """The file as it may be written: every section, whether or not they go together."""

    @model_validator(mode="after")
    def _answers_fit_the_window(self) -> Self:
        if self.reactivity is None or self.window is None:
            return self
        days = self.window.observation
        if self.reactivity.within >= 24 * days:
            raise ValueError(
                f"reactivity.within must be shorter than window.observation ({days} days), "
                f"got {self.reactivity.within} hours"
            )
        return self

    @model_validator(mode="after")
    def _families_are_of_features(self) -> Self:
        if self.table is None:
            return self
        others = {self.table.label, self.table.customer_id, self.table.order_by, *self.table.exclude}
        strangers = sorted({name for family in self.families.values() for name in family} & others)
        if strangers:
            raise ValueError(f"families are of features, got {', '.join(map(repr, strangers))}, which are none")
        return self


class LogUseCase(Presentation, CountSections, Question):
    """A model of a log of events: what happens in the window after a moment, from what happened before it."""

    source: ClassVar[Literal["log"]] = "log"

    events: Events  # the first log, of most use cases the only one
    further_logs: tuple[Events, ...] = ()
    profiles: Profiles | None = None
    texts: TextColumns | None = None  # columns of free texts of the profiles, of whose words some become features
    enrich: tuple[Enrich, ...] = ()  # outside tables joined to the profiles
    window: Window
    eligible: Eligible | None = None
    label: Label
    engagement: dict[str, float] = Field(default_factory=dict)
    fit_engagement: bool = False  # its weights are fitted on the next action
    treatment: Treatment | None = None  # of a campaign whose effect is learned, beside the outcome
    value: Value | None = None  # what customers will bring, beside the outcome
    engine: EngineSection = Field(default_factory=EngineSection, exclude=True)  # where its features are computed
    sample: Sample = Field(default_factory=Sample, exclude=True)  # a table that is one has a digest of its own

    @property
    def logs(self) -> tuple[Events, ...]:
        """Every log, in the order of the file."""
        return (self.events, *self.further_logs)

    @property
    def parts_logs(self) -> bool:
        """Whether events are of a log by its name: there are several, or one has a name."""
        return bool(self.further_logs) or self.events.name is not None

    @property
    def log_names(self) -> tuple[str, ...]:
        """What each log is called: by its name, else by its file, each once."""
        names: list[str] = []
        for log in self.logs:
            own = log.name or slug(log.path.name.partition(".")[0]) or "log"
            number = 1
            while (shown := own if number == 1 else f"{own}_{number}") in names:
                number += 1
            names.append(shown)
        return tuple(names)

    @property
    def label_logs(self) -> tuple[Events, ...]:
        """The logs that may have the label's events, by what the file says."""
        found = tuple(log for log in self.logs if log.may_have(self.label.event))
        only = tuple(log for log in found if isinstance(log.type, str))  # no other log has its type
        return only or found or self.logs

    @property
    def properties(self) -> tuple[str, ...]:
        """The properties of all logs; of the same name they are one, since levels are counted by type."""
        return tuple(dict.fromkeys(name for log in self.logs for name in log.properties))

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures of all logs, each after its log's name; of the same name they are one."""
        return tuple(dict.fromkeys(name for log in self.logs for name in log.shown_measures))


class TableUseCase(Presentation, Question):
    """A model of a ready table, which holds the outcome."""

    source: ClassVar[Literal["table"]] = "table"

    table: Table
    texts: TextColumns | None = None  # columns of free texts, of whose words some become features
    treatment: Treatment | None = None  # of a campaign whose effect is learned, beside the outcome


# One model to train: its data, its moment, its question, and how its answers are shown. Paths are absolute after
# `load_use_case`; durations are whole days; moments are UTC.
UseCase = LogUseCase | TableUseCase


def load_use_case(path: Path | str, home: Path | None = None) -> UseCase:
    """The use case in a TOML file, its paths made absolute.

    Args:
        path: The file.
        home: Where what stands at an address lands, and is read; None: the home of the environment.

    Raises:
        UseCaseError: every broken key at once.
    """
    file = Path(path)
    return use_case_from(read_toml(file), file, home)


def origins_of(use_case: UseCase) -> list[Origin]:
    """The sections of a use case that read rows from an address."""
    return [one for one in sections_of(use_case) if one.address is not None]


def sections_of(use_case: UseCase) -> list[Origin]:
    """The sections of a use case that read rows."""
    if not isinstance(use_case, LogUseCase):
        return [use_case.table]
    profiles = () if use_case.profiles is None else (use_case.profiles,)
    return [*use_case.logs, *profiles, *use_case.enrich]


def read_toml(file: Path) -> TomlTable:
    """What stands in a use-case file, unchecked.

    Raises:
        UseCaseError: It cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as failure:
        raise UseCaseError(file, [f"cannot be read: {failure.strerror}"]) from failure
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise UseCaseError(file, [f"is not TOML: {failure}"]) from failure


def use_case_from(raw: TomlTable, file: Path, home: Path | None = None) -> UseCase:
    """The use case that a file would hold, its paths made absolute from where the file is or would be.

    Raises:
        UseCaseError: every broken key at once.
    """
    broken = section_conflicts(raw)
    broken += [f"{key}: unknown key" for key in ("file", "sensitive", FURTHER, FITTED) if key in raw]
    try:
        stated = UseCaseFile.model_validate({**parted(raw), "file": file})
    except ValidationError as failure:
        broken += error_messages(failure, logs=len(logs_in(raw)))
        raise UseCaseError(file, broken) from failure
    if broken:
        raise UseCaseError(file, broken)
    return _of_its_source(_resolved(stated, file.resolve().parent, home or default_home()))


def _of_its_source(stated: UseCaseFile) -> UseCase:
    """The use case of a file whose sections go together."""
    kind = LogUseCase if stated.table is None else TableUseCase
    whole = kind.model_validate({name: section for name, section in stated if name in kind.model_fields})
    return _without_sensitive(whole) if isinstance(whole, LogUseCase) else whole


def _without_sensitive(stated: LogUseCase) -> LogUseCase:
    """The use case without the properties, measures and counts that may tell what nobody has accepted."""
    found = sensitive_columns(stated.logs, stated.counts, stated.accepted_sensitive)
    out = {one.column for one in found if one.accepted is None}
    events, *further = (_without_columns(log, out) for log in stated.logs)
    counts = tuple(count for count in stated.counts if count.name not in out)
    update = {"events": events, "further_logs": tuple(further), "counts": counts, "sensitive": found}
    return stated.model_copy(update=update) if found else stated


def _without_columns(log: Events, out: Collection[str]) -> Events:
    """A log without some of its properties and measures."""
    kept = {
        name: tuple(column for column in getattr(log, name) if column not in out) for name in ("properties", "measures")
    }
    return log.model_copy(update=kept)


def _resolved(stated: UseCaseFile, folder: Path, home: Path) -> UseCaseFile:
    """The file with every path absolute, read from its own folder; what stands at an address is read from the home."""
    sections = (("events", stated.events), ("table", stated.table), ("profiles", stated.profiles))
    update: dict[str, ListSection | tuple[ListSection, ...]] = {
        name: _at(section, folder, home) for name, section in sections if section is not None
    }
    update["engine"] = _at(stated.engine, folder, home)
    update["further_logs"] = tuple(_at(log, folder, home) for log in stated.further_logs)
    update["enrich"] = tuple(_at(table, folder, home) for table in stated.enrich)
    return stated.model_copy(update=update)


def _at(section: ListSection, folder: Path, home: Path) -> ListSection:
    """A section with its paths absolute."""
    update: dict[str, Path | str | tuple[ListSection, ...]] = {
        key: folder / path for key in ("links", "shops", "folder") if (path := getattr(section, key, None))
    }
    if isinstance(section, Origin):
        update |= section.where(folder, home)
    if isinstance(section, Profiles):
        update["derive"] = tuple(_at(one, folder, home) for one in section.derive)
    return section.model_copy(update=update)
