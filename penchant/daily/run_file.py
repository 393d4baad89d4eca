"""HOME/run.toml: what a day holds."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, ValidationError

from features.config.file_errors import error_messages
from features.config.use_case import UseCase, load_use_case, read_toml
from features.config.value_types import Days, ListSection
from features.errors import UseCaseError
from penchant.lineage.lineage_file import LineageSection
from scoring.audiences.pressure.pressure_rules import RUN_FILE, PressureRules, pressure_of
from scoring.population.daily_file import age_of

BEHIND_RFM, AGE_RULE = "behind_rfm", r"age > (\d+[dw])"


def _retrain_rule(text: str) -> str:
    if text != BEHIND_RFM and not re.fullmatch(AGE_RULE, text):
        raise ValueError(f'must be "{BEHIND_RFM}" or an age such as "age > 90d"')
    return text


class DailyUseCase(ListSection):
    """One use case to score each day."""

    file: Path  # its TOML, from the home
    rows: Path | None = None  # of a ready table: whom to score, one row a customer; else its rows without a label


class Kept(ListSection):
    """How long days are kept."""

    keep: Annotated[Days, Field(ge=1)] = 35  # reasons and features
    months: Annotated[int, Field(ge=0, le=120, strict=True)] = 13  # month ends


class Delivered(ListSection):
    """What may leave."""

    max_age: Annotated[timedelta | None, BeforeValidator(age_of)] = None  # of a day whose customers leave; None: any
    destinations: tuple[Path, ...] = ()  # each a DEST.toml, from the home, that is synced with the day


class Retrained(ListSection):
    """When a run trains a use case anew, by the gate as ever."""

    when: tuple[Annotated[str, AfterValidator(_retrain_rule)], ...] = ()


class RunFile(ListSection):
    """The whole file; paths are absolute after `load_run_file`."""

    use_case: Annotated[tuple[DailyUseCase, ...], Field(min_length=1)]
    population: Kept = Field(default_factory=Kept)
    deliver: Delivered = Field(default_factory=Delivered)
    pressure: Annotated[InstanceOf[PressureRules], BeforeValidator(pressure_of)] = PressureRules()
    retrain: Retrained = Field(default_factory=Retrained)
    lineage: LineageSection = Field(default_factory=LineageSection)


def kept_days(home: Path) -> Kept:
    """How long days of a home are kept; as by default where it has no file.

    Raises:
        UseCaseError: The section has a broken key.
    """
    file = home / RUN_FILE
    try:
        return Kept.model_validate(read_toml(file).get("population", {})) if file.exists() else Kept()
    except ValidationError as failure:
        raise UseCaseError(file, error_messages(failure)) from failure


def load_run_file(home: Path) -> tuple[RunFile, dict[str, UseCase]]:
    """The file of a home, and its use cases by name.

    Raises:
        UseCaseError: every broken key at once; or a use case's file is broken, or two have one name.
    """
    file = home / RUN_FILE
    try:
        found = RunFile.model_validate(read_toml(file))
    except ValidationError as failure:
        raise UseCaseError(file, error_messages(failure)) from failure
    entries = tuple(_absolute(entry, home.resolve()) for entry in found.use_case)
    use_cases: dict[str, UseCase] = {}
    for entry in entries:
        use_case = load_use_case(entry.file, home)
        if use_case.name in use_cases:
            raise UseCaseError(file, [f"use_case: each must have a name of its own, got {use_case.name!r} twice"])
        use_cases[use_case.name] = use_case
    there = tuple(home.resolve() / one for one in found.deliver.destinations)
    deliver = found.deliver.model_copy(update={"destinations": there})
    return found.model_copy(update={"use_case": entries, "deliver": deliver}), use_cases


def _absolute(entry: DailyUseCase, home: Path) -> DailyUseCase:
    rows = None if entry.rows is None else home / entry.rows
    return entry.model_copy(update={"file": home / entry.file, "rows": rows})
