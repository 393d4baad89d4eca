"""What a use case says of itself: its features, an example that works, its bands, figures and limits."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.types import Feature
from scoring.live import Live
from scoring.reasons import described
from scoring.wording import Language

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


def use_case_document(live: Live, *, language: Language = "en") -> dict[str, Any]:
    """The body of GET /v1/use-cases/{name}."""
    manifest = live.release.bundle.manifest
    return {
        "name": manifest["name"],
        "polarity": manifest["polarity"],
        "kind": manifest["kind"],
        "model_version": live.release.version,
        "trained_to": manifest["trained_to"],
        "released_at": live.release.facts.get("registered_at"),
        "features": [_feature(feature, language) for feature in live.release.bundle.features],
        "example": example(live),
        **{key: manifest[key] for key in _KEPT if key in manifest},
    }


def summary(live: Live) -> dict[str, Any]:
    """One line of GET /v1/use-cases."""
    manifest = live.release.bundle.manifest
    return {
        "name": manifest["name"],
        "polarity": manifest["polarity"],
        "model_version": live.release.version,
        "trained_to": manifest["trained_to"],
        "href": f"/v1/use-cases/{manifest['name']}",
    }


def example(live: Live) -> dict[str, Any]:
    """A body for POST /v1/scores that works as it stands: a synthetic customer of the golden rows.

    The first whom the model speaks of; where it speaks of none, the first.
    """
    scorer, golden = live.scorer, live.release.bundle.golden
    matrix = np.asarray([scorer.encoder.row(row["features"])[0] for row in golden])
    chosen = golden[int(np.argmax(scorer.eligible(matrix)))]
    profile = {"customer_id": "example", "features": dict(chosen["features"])}
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
