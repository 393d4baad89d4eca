"""Whether a version gives every figure that another gives, so that what is new about it is shown, not computed."""

from __future__ import annotations

import dataclasses
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from features.spec.feature import Feature
from scoring.bundle.bundle import Bundle
from scoring.bundle.manifest import Manifest
from scoring.models.value_model import FORMULA_FILE, TREES_FILE

_SHOWN = "evidence.json"  # what the console shows of test rows; versions of before have none
_OF_VALUE = (TREES_FILE, FORMULA_FILE, "golden.jsonl")


def has_same_figures(challenger: Bundle, champion: Bundle) -> bool:
    """Whether the configuration alone is another, and neither a score, a band nor who is spoken of depends on it.

    Texts are such a change: titles, labels, names, next steps; so is what may be named or varied.
    """
    new, old = challenger.manifest, champion.manifest
    return new.digests.config != old.digests.config and _figures(new) == _figures(old)


def has_same_scores(challenger: Bundle, champion: Bundle) -> bool:
    """Whether every score is the same, and what customers will bring is what the configuration has made another."""
    new, old = challenger.manifest, champion.manifest
    if new.digests.config == old.digests.config or new.value == old.value:
        return False
    return _figures(_without_value(new)) == _figures(_without_value(old))


def _without_value(manifest: Manifest) -> Manifest:
    """A manifest but for its value, which golden rows have too; the model's own file is among those that stay."""
    kept = {name: seal for name, seal in manifest.files.items() if name not in _OF_VALUE}
    return replace(manifest, files=kept, value=UNSET)


def _figures(manifest: Manifest) -> tuple[Any, ...]:
    """All of a manifest that numbers are made of; its sealed files are the model and the golden rows, among others."""
    return (
        {name: seal for name, seal in manifest.files.items() if name != _SHOWN},
        manifest.value,
        tuple(_without_texts(feature) for feature in manifest.features),
        manifest.encoder,
        manifest.eligible,
        manifest.calibration,
        manifest.uplift,
        manifest.boundaries,
        manifest.bands.codes,
        manifest.bands.thresholds,
        (manifest.polarity, manifest.label, manifest.windows, manifest.trained_to),
    )


def _without_texts(feature: Feature) -> Feature:
    return dataclasses.replace(feature, names={}, unit=None)
