"""The segment of a customer, from what two models say: how likely to leave, and how likely to buy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
_SPEAKING = ("scored", "not_eligible")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a customer stands on one ladder: the status, and whether on its lowest or highest rung."""

    status: str
    lowest: bool = False
    highest: bool = False


def segment_of(standings: Mapping[str, Standing]) -> Segment | None:
    """The first segment whose rule holds; None unless both models were asked and both can speak."""
    leaving, buying = standings.get(LEAVING), standings.get(BUYING)
    if leaving is None or buying is None or not {leaving.status, buying.status} <= set(_SPEAKING):
        return None
    if leaving.status == "not_eligible" and buying.lowest:
        return _BY_CODE["dormant"]
    if leaving.highest:
        return _BY_CODE["at_risk"]
    return _BY_CODE["loyal"] if leaving.lowest else _BY_CODE["promising"]
