"""What describes a use case: its features, an example that works, its bands, figures and limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, NotRequired, TypedDict, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from features.spec.derive.derivation import sources_of
from features.spec.feature import CUSTOMER_ID, EffectKind, Feature, FeatureType, Json, Polarity, Predicate, Scalar
from features.spec.languages import Language
from features.spec.raw_events import CountDefinition, RawColumn, RawEvents, RawLog, ReactivityDefinition
from scoring.answers.served_release import Live
from scoring.bundle.manifest import BandTable, CampaignWorth, LogWindows, Manifest, Outcome, Receipt
from scoring.encoding.value_rules import WARNINGS
from scoring.models.calibration import Calibration
from scoring.reasons.sentences import described
from serving.api.answers import UseCaseLine
from serving.customers.event_rows import names, needed
from serving.customers.logs_of_events import LOG, log_of_type, logs_of, own_type
from serving.customers.raw_events import FILE as EVENTS

_POSTED = {
    "VARCHAR": "text",
    "DOUBLE": "number",
    "BIGINT": "integer",
    "BOOLEAN": "boolean",
    "TIMESTAMP": "date",
    "VARCHAR[]": "list of texts",
}


class ExampleProfile(TypedDict):
    """A profile that works as it stands."""

    customer_id: str
    features: Mapping[str, Json]


class ExampleHistory(TypedDict):
    """A history that works as it stands."""

    customer_id: str
    events: list[dict[str, Scalar]]
    as_of: str


Posted = TypeVar("Posted", ExampleProfile, ExampleHistory)


class ScoresExample(TypedDict, Generic[Posted]):
    """A body of POST /v1/scores that works as it stands."""

    use_cases: list[str]
    profiles: list[Posted]
    reasons: int
    language: Language


class HistoryField(TypedDict):
    """What an event, or the traits, may hold: its name, other names of it, and the JSON of its value."""

    name: str
    also: list[str]
    type: str
    required: bool


class HistoryLog(TypedDict):
    """One of several logs: what an event says under `log`, the type of all its events if they have one, its fields."""

    name: str
    type: str | None
    fields: list[HistoryField]


class Histories(TypedDict):
    """What a posted history may hold, and a body with one."""

    fields: list[HistoryField]
    traits: list[HistoryField]
    example: ScoresExample[ExampleHistory]
    logs: NotRequired[list[HistoryLog]]  # where there are several
    counts: NotRequired[list[CountDefinition]]  # what its own counts count of them
    reactivity: NotRequired[ReactivityDefinition]  # what answers what is sent
    engagement: NotRequired[dict[str, float]]  # points by type of event, where the training fitted them


class DescribedFeature(msgspec.Struct, frozen=True):
    """A feature as GET /v1/use-cases/{name} gives it."""

    name: str
    type: FeatureType
    unit: str | None
    nullable: bool
    description: str
    family: str
    lower: float | None
    upper: float | None
    seen: list[float] | None
    levels: list[str]
    written: str | None


class DescribedWarning(msgspec.Struct, frozen=True):
    """A warning that nearly all customers would get: given here once, and of no customer."""

    code: str
    feature: str
    detail: str
    share: float


class DescribedModel(msgspec.Struct, frozen=True):
    """The body of GET /v1/use-cases/{name}; titles, outcomes, and from `bands` on as the manifest has it."""

    name: str
    title: dict[str, str] | UnsetType
    outcome: dict[str, str] | UnsetType
    polarity: Polarity
    kind: str
    model_version: str
    trained_to: str | None
    released_at: str | None
    features: list[DescribedFeature]
    example: ScoresExample[ExampleProfile]
    events: Histories | UnsetType
    bands: BandTable
    actions: dict[str, dict[str, str]] | UnsetType
    metrics: dict[str, float]
    baselines: dict[str, dict[str, float]]
    receipt: Receipt
    usual_warnings: list[DescribedWarning] | UnsetType
    effect: EffectKind | UnsetType
    human_decision: str | UnsetType
    intended_use: dict[str, str]
    worth: CampaignWorth | None
    base_rate: dict[str, float]
    rows: dict[str, int]
    source: str | None
    label: Outcome | None
    windows: LogWindows | None
    eligible: Predicate | None
    calibration: Calibration
    code_revision: str
    versions: dict[str, str]


def use_case_document(live: Live, *, language: Language = "en") -> DescribedModel:
    """What describes a served use case."""
    manifest = live.release.bundle.manifest
    return DescribedModel(
        name=manifest.name,
        title=manifest.title,
        outcome=manifest.outcome,
        polarity=manifest.polarity,
        kind=manifest.kind,
        model_version=live.release.version,
        trained_to=manifest.trained_to,
        released_at=live.release.facts.registered_at,
        features=[_feature(feature, manifest, language) for feature in manifest.features],
        example=example(live),
        events=_histories(live) if EVENTS in live.release.bundle.files else UNSET,
        bands=manifest.bands,
        actions=manifest.actions,
        metrics=manifest.metrics,
        baselines=manifest.baselines,
        receipt=manifest.receipt,
        usual_warnings=_usual_warnings(manifest) or UNSET,
        effect=manifest.effect,
        human_decision=manifest.human_decision,
        intended_use=manifest.intended_use,
        worth=manifest.worth,
        base_rate=manifest.base_rate,
        rows=manifest.rows,
        source=manifest.source,
        label=manifest.label,
        windows=manifest.windows,
        eligible=manifest.eligible,
        calibration=manifest.calibration,
        code_revision=manifest.code_revision,
        versions=manifest.versions,
    )


def _usual_warnings(manifest: Manifest) -> list[DescribedWarning]:
    return [
        DescribedWarning(one.code, one.feature, WARNINGS[one.code], one.share) for one in manifest.usual_warnings or ()
    ]


def summary(live: Live) -> UseCaseLine:
    """One line of GET /v1/use-cases."""
    manifest = live.release.bundle.manifest
    line: UseCaseLine = {
        "name": manifest.name,
        "polarity": manifest.polarity,
        "model_version": live.release.version,
        "trained_to": manifest.trained_to,
        "href": f"/v1/use-cases/{manifest.name}",
    }
    if manifest.title:
        line["title"] = manifest.title
    if manifest.outcome:
        line["outcome"] = manifest.outcome
    return line


def example(live: Live) -> ScoresExample[ExampleProfile]:
    """A body for POST /v1/scores that works as it stands: a synthetic customer of the golden rows.

    The first whom the model speaks of; where it speaks of none, the first.
    """
    scorer, golden = live.scorer, live.release.bundle.golden
    matrix = np.asarray([scorer.encoder.row(row.features)[0] for row in golden])
    chosen = golden[int(np.argmax(scorer.eligible(matrix)))]
    profile: ExampleProfile = {"customer_id": "example", "features": dict(chosen.features)}
    return {"use_cases": [live.release.bundle.name], "profiles": [profile], "reasons": 3, "language": "en"}


def _histories(live: Live) -> Histories:
    """What a posted history may hold, and a body with one that works as it stands."""
    compiled: RawEvents = json.loads(live.release.bundle.files[EVENTS])
    logs = logs_of(compiled)
    found: Histories = {
        "fields": _merged_fields(logs),
        "traits": _traits(compiled),
        "example": _history(live, logs),
    }
    if "logs" in compiled:
        found["logs"] = [{"name": log["name"], "type": log["only"], "fields": _fields(log)} for log in logs]
    if "counts" in compiled:
        found["counts"] = compiled["counts"]
    if "reactivity" in compiled:
        found["reactivity"] = compiled["reactivity"]
    if "engagement" in compiled:
        found["engagement"] = compiled["engagement"]
    return found


def _traits(compiled: RawEvents) -> list[HistoryField]:
    """What the traits may hold, and what some of them may be derived from instead."""
    columns = [column for column in compiled["traits"] if column["key"] != CUSTOMER_ID]
    own = {column["key"] for column in columns}
    others = [name for name in sources_of(column.get("derive") for column in columns) if name not in own]
    return [*(_field(column, required=False) for column in columns), *map(_text_field, others)]


def _merged_fields(logs: Sequence[RawLog]) -> list[HistoryField]:
    """What an event may hold, of whichever log; of several nothing is required that one of them has not."""
    found: dict[str, HistoryField] = {}
    for field in (field for log in logs for field in _fields(log)):
        found.setdefault(field["name"], field)
    fields = list(found.values())
    if len(logs) == 1:
        return fields
    log_field: HistoryField = {"name": LOG, "also": [], "type": "text", "required": False}
    return [
        log_field,
        *(HistoryField(name=one["name"], also=one["also"], type=one["type"], required=False) for one in fields),
    ]


def _fields(log: RawLog) -> list[HistoryField]:
    """What an event of a log may hold, with the id by which one that is posted twice counts once."""
    fields = [_field(column, column["key"] in needed(log)) for column in log["events"]]
    return [*fields, *([_text_field(log["id"])] if log["id"] else [])]


def _text_field(name: str) -> HistoryField:
    return {"name": name, "also": [], "type": "text", "required": False}


def _field(column: RawColumn, required: bool) -> HistoryField:
    name, *others = names(column)
    return {"name": name, "also": others, "type": _POSTED[column["type"]], "required": required}


def _history(live: Live, logs: Sequence[RawLog]) -> ScoresExample[ExampleHistory]:
    """Three events of the kind that is asked about, none of a customer."""
    manifest = live.release.bundle.manifest
    until = datetime.fromisoformat(str(manifest.trained_to)).replace(tzinfo=UTC)
    event = str(manifest.label.event) if manifest.label else ""
    log = log_of_type(logs, event)
    known: dict[str, Scalar] = {"amount": 20.0}
    if log["only"] is None and manifest.label:
        known["type"] = own_type(log, event)
    filled = {names(column)[0]: known[column["key"]] for column in log["events"] if column["key"] in known}
    if len(logs) > 1:
        filled[LOG] = log["name"]
    moment = next(names(column)[0] for column in log["events"] if column["key"] == "ts")
    history: list[dict[str, Scalar]] = [
        {moment: (until - timedelta(days=back)).isoformat(), **filled} for back in (95, 40, 5)
    ]
    profile: ExampleHistory = {"customer_id": "example", "events": history, "as_of": until.isoformat()}
    return {"use_cases": [live.release.bundle.name], "profiles": [profile], "reasons": 3, "language": "en"}


def _feature(feature: Feature, manifest: Manifest, language: Language) -> DescribedFeature:
    return DescribedFeature(
        name=feature.name,
        type=feature.type,
        unit=feature.unit,
        nullable=True,
        description=described(feature, language, manifest.labels_of(feature.name, language)),
        family=feature.family,
        lower=feature.lower,
        upper=feature.upper,
        seen=list(feature.seen) if feature.seen else None,
        levels=list(feature.levels),
        written=feature.written,
    )
