"""The use-case file: which data, which moment, which question (TOML, one file per model)."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from features.errors import UseCaseError
from features.spec.feature import EPOCHS, Polarity
from features.spec.formats import amounts, is_moment

Scalar = str | bool | int | float | datetime | date


def _days(value: object) -> object:
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d{1,5})\s*([dw])\s*", value)):
        return int(match[1]) * (7 if match[2] == "w" else 1)
    raise ValueError('must be whole days or weeks such as "90d" or "13w"')


def _moment(value: object) -> object:
    """A date, a datetime or ISO text as a UTC datetime; without a zone it is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("must be a date or a datetime in ISO form") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise ValueError("must be a date or a datetime in ISO form")
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _form(value: str) -> str:
    parts = set(re.findall(r"%-?(.)", value))
    day = "j" in parts or ("d" in parts and parts & {"m", "b", "B"})
    if value in EPOCHS or (parts & {"Y", "y"} and day and parts <= set("YymbBdjHIMSfpzaA")):
        return value
    raise ValueError(f'must name year, month and day such as "%d/%m/%Y %H:%M", or be one of {", ".join(EPOCHS)}')


def _written(value: str) -> str:
    if is_moment(value):
        return _form(value)
    amounts(value)
    return value


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"must not name a column twice: {', '.join(map(repr, twice))}")
    return names


Days = Annotated[int, BeforeValidator(_days)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Column = Annotated[str, Field(min_length=1)]
Columns = Annotated[tuple[Column, ...], AfterValidator(_distinct)]
Form = Annotated[str, AfterValidator(_form)]  # of moments
Formats = dict[Column, Annotated[str, AfterValidator(_written)]]  # of columns' texts: moments' or amounts'
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Section(BaseModel):
    """One section of the file: frozen, strict, no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=False)


class Lax(Section):
    """A section whose lists arrive from TOML as lists and are kept as tuples."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class TypeColumn(Section):
    """Events carry their type in a column."""

    column: Column


class RefundRule(Section):
    """An event is a refund where the column has this value."""

    column: Column
    equals: Scalar


class CurrencyColumn(Lax):
    """Amounts in several currencies, turned into one by declared rates (one unit of the key = `rate` of `to`)."""

    column: Column
    to: str
    rates: dict[str, Annotated[float, Field(gt=0)]]


class Events(Lax):
    """A log, one row per event."""

    path: Path
    customer_id: Column
    timestamp: Column
    timestamp_format: Form | None = None  # where it is not in ISO form
    type: Annotated[str, Field(min_length=1)] | TypeColumn
    amount: Column | None = None
    id: Column | None = None
    refund: RefundRule | None = None
    properties: Columns = ()
    measures: Columns = ()
    currency: str | CurrencyColumn | None = None
    table: str | None = None  # the table to read where `path` is a DuckDB file that holds several
    links: Path | None = None  # accepted links between customers who are one: customer_id, same_as


class Profiles(Lax):
    """Traits of customers, one row per customer (or one per customer and `valid_from`)."""

    path: Path
    customer_id: Column
    valid_from: Column | None = None
    valid_from_format: Form | None = None  # where it is not in ISO form
    formats: Formats = Field(default_factory=dict)  # of columns whose dates or amounts are written otherwise
    exclude: Columns = ()
    groups: dict[str, str] = Field(default_factory=dict)
    table: str | None = None


class Table(Lax):
    """A ready table, one row per customer, with its label."""

    path: Path
    label: Column
    positive: Scalar
    exclude: Columns = ()
    customer_id: Column | None = None
    order_by: Column | None = None
    order_by_format: Form | None = None  # where it is not in ISO form
    formats: Formats = Field(default_factory=dict)  # of columns whose dates or amounts are written otherwise
    table: str | None = None

    @model_validator(mode="after")
    def _roles_differ(self) -> Table:
        taken = [name for name in (self.label, self.customer_id, self.order_by) if name is not None]
        if len(set(taken)) < len(taken):
            raise ValueError("label, customer_id and order_by must name different columns")
        if self.label in self.exclude:
            raise ValueError("label must not be excluded")
        if taken_twice := sorted({*taken} & self.formats.keys()):
            raise ValueError(
                f"formats are of other columns than label, customer_id and order_by, got {taken_twice[0]!r}"
            )
        if self.order_by_format is not None and self.order_by is None:
            raise ValueError("order_by_format goes with order_by")
        return self


class Window(Lax):
    """How far a feature looks back, and when and how long the outcome is awaited; whole days."""

    observation: Annotated[Days, Field(ge=1, le=3650)] = 365
    gap: Annotated[Days, Field(ge=0, le=3650)] = 0
    prediction: Annotated[Days, Field(ge=1, le=3650)]
    test_cutoff: Moment | None = None
    train_cutoffs: Annotated[int, Field(ge=1, le=100, strict=True)] = 3


class Eligible(Lax):
    """Who may be scored."""

    active_within: Annotated[Days, Field(ge=1)] | None = None


class Label(Section):
    """The outcome: the event does (`present`) or does not (`absent`) happen in the prediction window."""

    event: Annotated[str, Field(min_length=1)]
    outcome: Literal["absent", "present"]


Candidate = Literal["recency", "rfm_logit", "logit", "forest", "xgboost"]
Gap = Literal["weight", "median", "neighbours", "regression"]


class BandPlan(Lax):
    """Thresholds left to the planner; whichever of these keys are given bind it."""

    capacity: Annotated[int, Field(gt=0)] | None = None  # how many customers can be contacted
    precision: Annotated[float, Field(gt=0, lt=1)] | None = None
    lift: Annotated[float, Field(gt=0)] | None = None
    cost: Annotated[float, Field(ge=0)] | None = None  # of one contact
    value: Annotated[float, Field(gt=0)] | None = None  # of one contact that succeeds
    save_rate: Annotated[float, Field(gt=0, le=1)] = 1.0  # share of the outcomes that a contact wins

    @model_validator(mode="after")
    def _gives_a_goal(self) -> BandPlan:
        if all(value is None for value in (self.capacity, self.precision, self.lift, self.cost, self.value)):
            raise ValueError("must give capacity, precision, lift, or cost and value")
        if (self.cost is None) != (self.value is None):
            raise ValueError("cost and value go together")
        return self


class Bands(Lax):
    """The rungs of the score's ladder, lowest first."""

    codes: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ...] = ("low", "medium", "high")
    labels: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    percentiles: tuple[float, ...] | None = None
    scores: tuple[float, ...] | None = None
    plan: BandPlan | None = None

    @property
    def steps(self) -> tuple[float, ...]:
        """The thresholds as given, percentiles 60 and 90 by default."""
        return self.scores or self.percentiles or ((60.0, 90.0) if self.plan is None else ())

    @model_validator(mode="after")
    def _ladder_fits(self) -> Bands:
        broken = []
        given = [name for name in ("percentiles", "scores", "plan") if getattr(self, name) is not None]
        if len(given) > 1:
            broken.append(f"only one of percentiles, scores and plan may be given, got {', '.join(given)}")
        steps = self.steps
        if self.plan is None and len(self.codes) != len(steps) + 1:
            broken.append(f"{len(self.codes)} codes need {len(self.codes) - 1} thresholds, got {len(steps)}")
        if len(set(self.codes)) != len(self.codes) or len(self.codes) < 2:
            broken.append("codes must be at least two, each once")
        if not all(low < high for low, high in zip((0.0, *steps), (*steps, 100.0), strict=True)):
            broken.append(f"thresholds must rise strictly within (0, 100), got {steps}")
        for language, labels in self.labels.items():
            if language not in ("fr", "en"):
                broken.append(f"labels may be given in fr and en, got {language!r}")
            if len(labels) != len(self.codes):
                broken.append(f"labels.{language} needs {len(self.codes)} labels, got {len(labels)}")
        if broken:
            raise ValueError("; ".join(broken))
        return self


class ColumnName(Section):
    """How a column is called where people read."""

    fr: str | None = None
    en: str | None = None
    unit: str | None = None

    def by_language(self) -> dict[str, str]:
        """The names given, by language."""
        return {language: name for language, name in (("fr", self.fr), ("en", self.en)) if name}


class Reasons(Lax):
    """Features that are used and never named."""

    forbid: Columns = ()


class Quality(Lax):
    """Shares of a source that may be bad before it is refused, and what is made of unusual values and of gaps."""

    bad_rows: Share = 0.05
    outliers: bool = False  # of a log: count the events with an unusual amount, as one more feature
    gaps: Gap = "weight"  # of a linear model's numbers: a weight of its own, or filled from what else is known


class UseCase(Lax):
    """One model to train: its data, its moment, its question, and how its answers are shown.

    Paths are absolute after `load_use_case`; durations are whole days; moments are UTC.
    """

    name: Name
    polarity: Polarity
    seed: Annotated[int, Field(ge=0, lt=2**31, strict=True)] = 0
    candidate: Candidate | None = None  # the kind of model that wins whatever the others do; by default they compete
    events: Events | None = None
    table: Table | None = None
    profiles: Profiles | None = None
    window: Window | None = None
    eligible: Eligible | None = None
    label: Label | None = None
    bands: Bands = Field(default_factory=Bands)
    names: dict[str, ColumnName] = Field(default_factory=dict)
    reasons: Reasons = Field(default_factory=Reasons)
    what_if: dict[str, tuple[Scalar, ...]] = Field(default_factory=dict)
    quality: Quality = Field(default_factory=Quality)
    engagement: dict[str, float] = Field(default_factory=dict)
    accepted_leaks: dict[str, str] = Field(default_factory=dict)
    file: Path = Field(default=Path("use-case.toml"), exclude=True)  # where it was read from

    @property
    def source(self) -> Literal["log", "table"]:
        """What it learns from: a log of events or a ready table."""
        return "log" if self.events is not None else "table"


def load_use_case(path: Path | str) -> UseCase:
    """The use case in a TOML file, its paths made absolute.

    Raises:
        UseCaseError: every broken key at once.
    """
    file = Path(path)
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as failure:
        raise UseCaseError(file, [f"cannot be read: {failure.strerror}"]) from failure
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise UseCaseError(file, [f"is not TOML: {failure}"]) from failure
    broken = _section_conflicts(raw)
    if "file" in raw:
        broken.append("file: unknown key")
    try:
        use_case = UseCase.model_validate({**raw, "file": file})
    except ValidationError as failure:
        broken += [_message(error) for error in failure.errors()]
        raise UseCaseError(file, broken) from failure
    if broken:
        raise UseCaseError(file, broken)
    return _resolved(use_case, file.resolve().parent)


def _section_conflicts(raw: dict[str, Any]) -> list[str]:
    """Sections that are missing or do not go together."""
    log, table = "events" in raw, "table" in raw
    if log == table:
        arrived = "both" if log else "neither"
        return [f"exactly one of [events] and [table] must be given, got {arrived}"]
    needed = ("window", "label") if log else ()
    barred = () if log else ("window", "label", "eligible", "profiles", "engagement")
    kind = "events" if log else "table"
    broken = [f"[{name}] is required with [{kind}]" for name in needed if name not in raw]
    broken += [f"[{name}] does not go with [{kind}]" for name in barred if name in raw]
    quality = raw.get("quality")
    if table and isinstance(quality, dict) and quality.get("outliers") is True:
        broken.append("quality.outliers counts events, it does not go with [table]")
    return broken + (_label_conflicts(raw) if log else [])


def _label_conflicts(raw: dict[str, Any]) -> list[str]:
    """A label event that a log of one constant type cannot hold."""
    events, label = raw.get("events"), raw.get("label")
    if not (isinstance(events, dict) and isinstance(label, dict)):
        return []
    kind, event = events.get("type"), label.get("event")
    if isinstance(kind, str) and isinstance(event, str) and kind != event:
        return [f"label.event must be the log's only event type {kind!r}, got {event!r}"]
    return []


def _message(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"] if part not in ("str", "TypeColumn", "CurrencyColumn"))
    kind, message = error["type"], str(error["msg"]).removeprefix("Value error, ")
    if kind == "missing":
        return f"{key}: is required"
    if kind == "extra_forbidden":
        return f"{key}: unknown key"
    message = message[0].lower() + message[1:]
    arrived = error.get("input")
    return f"{key}: {message}" + ("" if isinstance(arrived, dict | BaseModel) else f", got {arrived!r}")


def _resolved(use_case: UseCase, folder: Path) -> UseCase:
    """The use case with every path absolute, read from the file's own folder."""
    update: dict[str, Any] = {"file": use_case.file}
    for name in ("events", "table", "profiles"):
        section = getattr(use_case, name)
        if section is not None:
            paths = {key: folder / path for key in ("path", "links") if (path := getattr(section, key, None))}
            update[name] = section.model_copy(update=paths)
    return use_case.model_copy(update=update)
