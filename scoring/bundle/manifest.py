"""What a manifest must look like for every reader after the loader: checked once, so that no answer trips over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from features.spec.languages import LANGUAGES
from scoring.errors import BundleError

Check = Callable[[Any], bool]


def check_shape(manifest: Mapping[str, Any]) -> None:
    """Passes where every part that scoring and serving read is there and of its kind.

    Raises:
        BundleError: Naming every part that is not.
    """
    broken = [name for name, check in _PARTS.items() if name not in manifest or not check(manifest[name])]
    if broken:
        raise BundleError(f"A manifest must be complete and every part of its kind, {', '.join(broken)} is not.")


def _number(value: Any) -> bool:
    """Whether it is a number that a float64 holds; True is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e300 < value < 1e300


def _share(value: Any) -> bool:
    return _number(value) and 0 <= value <= 1


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _boundaries(value: Any) -> bool:
    whole = isinstance(value, list) and len(value) == 99 and all(map(_share, value))
    return whole and all(low <= high for low, high in pairwise(value))


def _bands(value: Any) -> bool:
    """Codes, a label for each in every language, thresholds; that these rise strictly, `Ladder` says."""
    if not (isinstance(value, dict) and _texts(value.get("codes")) and isinstance(value.get("labels"), dict)):
        return False
    named = [value["labels"].get(language) for language in LANGUAGES]
    thresholds = value.get("thresholds")
    return (
        all(_texts(labels) and len(labels) == len(value["codes"]) for labels in named)
        and isinstance(thresholds, list)
        and all(map(_share, thresholds))
    )


def _calibration(value: Any) -> bool:
    return isinstance(value, dict) and _number(value.get("a")) and _number(value.get("b"))


def _eligible(value: Any) -> bool:
    if value is None:
        return True
    whole = isinstance(value, dict) and value.keys() == {"feature", "op", "value"}
    return whole and _text(value["feature"]) and value["op"] in ("<=", ">=") and _number(value["value"])


def _levels(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_texts, value.values()))


def _choices(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(choices, list) for choices in value.values())


def _digests(value: Any) -> bool:
    return isinstance(value, dict) and _text(value.get("data")) and _text(value.get("config"))


_PARTS: dict[str, Check] = {
    "name": _text,
    "polarity": lambda value: value in ("positive", "negative"),
    "kind": _text,
    "trained_to": lambda value: value is None or _text(value),
    "features": lambda value: isinstance(value, list),  # each is read by features.spec.feature
    "encoder": _levels,
    "eligible": _eligible,
    "calibration": _calibration,
    "boundaries": _boundaries,
    "bands": _bands,
    "forbid": _texts,
    "what_if": _choices,
    "metrics": lambda value: isinstance(value, dict),
    "digests": _digests,
    "code_revision": _text,
}
