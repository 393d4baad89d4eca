"""The segment of a customer, from what two models say: how likely to leave, and how likely to buy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEAVING, BUYING = "churn", "propensity"


@dataclass(frozen=True, slots=True)
class Segment:
    """A named group that a campaign can address; codes are stable, labels follow the language."""

    code: str
    labels: Mapping[str, str]
    rule: str

    def named(self, language: str) -> dict[str, str]:
        """The segment as an answer gives it."""
        return {"code": self.code, "label": self.labels[language]}


SEGMENTS = (
    Segment(
        "dormant", {"fr": "Dormants", "en": "Dormant"}, "churn is not_eligible and propensity is in its lowest band"
    ),
    Segment("at_risk", {"fr": "À risque", "en": "At risk"}, "churn is in its highest band"),
    Segment("loyal", {"fr": "Fidèles", "en": "Loyal"}, "churn is in its lowest band"),
    Segment("promising", {"fr": "Prometteurs", "en": "Promising"}, "everyone else"),
)
_BY_CODE = {segment.code: segment for segment in SEGMENTS}
_SILENT = ("invalid", "unknown", "opted_out", "stale", "insufficient_data")


def segment_of(scores: Mapping[str, Mapping[str, Any]], tops: Mapping[str, int]) -> Segment | None:
    """The first segment whose rule holds; None unless both models were asked and can speak.

    Args:
        scores: One customer's answer per use case: `status`, and `rung` (0 the lowest band) where scored.
        tops: The highest rung of each use case's ladder.
    """
    if LEAVING not in scores or BUYING not in scores:
        return None
    leaving, buying = scores[LEAVING], scores[BUYING]
    if leaving["status"] in _SILENT or buying["status"] in _SILENT:
        return None
    if leaving["status"] == "not_eligible" and buying.get("rung") == 0:
        return _BY_CODE["dormant"]
    if leaving.get("rung") == tops[LEAVING]:
        return _BY_CODE["at_risk"]
    return _BY_CODE["loyal"] if leaving.get("rung") == 0 else _BY_CODE["promising"]
