"""What describes a use case: its features, an example that works, its bands, figures and limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from features.spec.feature import CUSTOMER_ID, Feature
from features.spec.languages import Language
from scoring.answers.served_release import Live
from scoring.reasons.reasons import described
from serving.customers.event_rows import INNER, names, needed
from serving.customers.raw_events import FILE as EVENTS

_KEPT = (
    "bands",
    "metrics",
    "baselines",
    "receipt",
    "intended_use",
    "worth",
    "base_rate",
    "rows",
    "source",
    "label",
    "windows",
    "eligible",
    "calibration",
    "code_revision",
    "versions",
)

_POSTED = {
    "VARCHAR": "text",
    "DOUBLE": "number",
    "BIGINT": "integer",
    "BOOLEAN": "boolean",
    "TIMESTAMP": "date",
    "VARCHAR[]": "list of texts",
}


def use_case_document(live: Live, *, language: Language = "en") -> dict[str, Any]:
    """The body of GET /v1/use-cases/{name}."""
    manifest = live.release.bundle.manifest
    return {
        "name": manifest.name,
        "polarity": manifest.polarity,
        "kind": manifest.kind,
        "model_version": live.release.version,
        "trained_to": manifest.trained_to,
        "released_at": live.release.facts.get("registered_at"),
        "features": [_feature(feature, language) for feature in live.release.bundle.features],
        "example": example(live),
        **({"events": _histories(live)} if EVENTS in live.release.bundle.files else {}),
        **{key: getattr(manifest, key) for key in _KEPT},
    }


def summary(live: Live) -> dict[str, Any]:
    """One line of GET /v1/use-cases."""
    manifest = live.release.bundle.manifest
    return {
        "name": manifest.name,
        "polarity": manifest.polarity,
        "model_version": live.release.version,
        "trained_to": manifest.trained_to,
        "href": f"/v1/use-cases/{manifest.name}",
    }


def example(live: Live) -> dict[str, Any]:
    """A body for POST /v1/scores that works as it stands: a synthetic customer of the golden rows.

    The first whom the model speaks of; where it speaks of none, the first.
    """
    scorer, golden = live.scorer, live.release.bundle.golden
    matrix = np.asarray([scorer.encoder.row(row.features)[0] for row in golden])
    chosen = golden[int(np.argmax(scorer.eligible(matrix)))]
    profile = {"customer_id": "example", "features": dict(chosen.features)}
    return {"use_cases": [live.release.bundle.name], "profiles": [profile], "reasons": 3, "language": "en"}


def _histories(live: Live) -> dict[str, Any]:
    """What a posted history may hold, and a body with one that works as it stands."""
    compiled = json.loads(live.release.bundle.files[EVENTS])
    events = [column for column in compiled["events"] if column["key"] not in INNER]
    return {
        "fields": [_field(column, column["key"] in needed(compiled)) for column in events] + _id_field(compiled),
        "traits": [_field(column, required=False) for column in compiled["traits"] if column["key"] != CUSTOMER_ID],
        "example": _history(live, events, typed=compiled["typed"]),
    }


def _id_field(compiled: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The id by which an event that is posted twice counts once, where the log has one."""
    name = compiled.get("id")
    return [{"name": name, "also": [], "type": "text", "required": False}] if name else []


def _field(column: Mapping[str, Any], required: bool) -> dict[str, Any]:
    name, *others = names(column)
    return {"name": name, "also": others, "type": _POSTED[column["type"]], "required": required}


def _history(live: Live, events: Sequence[Mapping[str, Any]], *, typed: bool) -> dict[str, Any]:
    """Three events of the kind that is asked about, none of a customer."""
    manifest = live.release.bundle.manifest
    until = datetime.fromisoformat(str(manifest.trained_to)).replace(tzinfo=UTC)
    known = {"amount": 20.0} | ({"type": manifest.label.event} if typed and manifest.label else {})
    filled = {names(column)[0]: known[column["key"]] for column in events if column["key"] in known}
    moment = next(names(column)[0] for column in events if column["key"] == "ts")
    history = [{moment: (until - timedelta(days=back)).isoformat(), **filled} for back in (95, 40, 5)]
    profile = {CUSTOMER_ID: "example", "events": history, "as_of": until.isoformat()}
    return {"use_cases": [live.release.bundle.name], "profiles": [profile], "reasons": 3, "language": "en"}


def _feature(feature: Feature, language: Language) -> dict[str, Any]:
    return {
        "name": feature.name,
        "type": feature.type,
        "unit": feature.unit,
        "nullable": True,
        "description": described(feature, language),
        "family": feature.family,
        "lower": feature.lower,
        "upper": feature.upper,
        "seen": list(feature.seen) if feature.seen else None,
        "levels": list(feature.levels),
        "written": feature.written,
    }
