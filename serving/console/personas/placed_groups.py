"""The discovered groups of one customer in words: which, which other is nearest, and why the one and not the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scoring.answers.served_release import Live
from scoring.answers.wire import DiscoveredPlace, Result
from scoring.bundle.families import OTHER_FACTORS
from serving.console.web.i18n import Texts

MOST = 3  # reasons


@dataclass(frozen=True, slots=True)
class GroupReason:
    """What speaks for the customer's group, or for the other."""

    text: str
    contribution: float  # difference of squared distances: above zero for the group


@dataclass(frozen=True, slots=True)
class PlacedGroup:
    """The group of one segmentation."""

    name: str
    code: str
    label: str
    next_label: str
    margin: float
    reasons: Sequence[GroupReason]


def placed_groups(answer: Result, served: Mapping[str, Live], texts: Texts) -> list[PlacedGroup]:
    """The groups that an answer has, by segmentation; none where nothing is known of the customer."""
    labels = {
        name: one.learned.labels for live in served.values() for name, one in live.discovering.items()
    }  # of all use cases the same
    return [_placed(name, place, labels[name], texts) for name, place in sorted(answer.get("discovered", {}).items())]


def _placed(name: str, place: DiscoveredPlace, labels: Mapping[str, Mapping[str, str]], texts: Texts) -> PlacedGroup:
    named = [reason for reason in place["reasons"] if reason["feature"] != OTHER_FACTORS]
    return PlacedGroup(
        name=name,
        code=place["code"],
        label=texts.kept_together(place["label"]),
        next_label=texts.kept_together(labels[place["next"]][texts.language]),
        margin=place["margin"],
        reasons=[GroupReason(texts.kept_together(one["text"]), one["contribution"]) for one in named[:MOST]],
    )
