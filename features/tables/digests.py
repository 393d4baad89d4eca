"""What a feature table is made from, as digests: the same three mean the same table."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from features.config.use_case import LogUseCase, UseCase, UseCaseFile
from features.sources.source import digest

# The rooms that make figures. Raise a room's version by hand in the commit that changes its figures: tables are then
# written anew and models trained anew. tests/system/test_figures.py fails where that was forgotten.
FIGURE_VERSIONS = {
    "spec": 2,
    "sources": 1,
    "columns": 2,
    "history": 2,
    "point_in_time": 1,
    "tables": 1,
    "leakage": 1,
    "build": 2,
}

_sections = ("events", "table", "profiles")
_of_answers = (  # keys that no feature follows from
    *("name", "polarity", "seed", "candidate", "eligible", "title", "outcome", "labels", "bands", "actions"),
    *("names", "reasons", "families", "what_if", "accepted_leaks", "effect", "human_decision", "model", "monotone"),
    *("treatment", "value", "discover"),
)
_added = (  # keys that a file may do without
    *(
        "title",
        "outcome",
        "labels",
        "actions",
        "families",
        "counts",
        "calendar",
        "reactivity",
        "fit_engagement",
        "human_decision",
        "accepted_sensitive",
        "treatment",
        "texts",
        "value",
        "model",
        "monotone",
        "further_logs",
        "enrich",
    ),
)
_later = ("order", "tracking_consent", "name", "derive")  # keys of a section that there were not from the start


def input_digest(use_case: UseCase) -> str:
    """The sha256 of the bytes of every file that a use case reads, accepted links too."""
    if not isinstance(use_case, LogUseCase):
        return digest(use_case.table.path)
    sections = (*use_case.logs, use_case.profiles)
    links = dict.fromkeys(log.links for log in use_case.logs if log.links)
    derived = () if use_case.profiles is None else use_case.profiles.derive
    more = (*(table.path for table in use_case.enrich), *(one.shops for one in derived if one.shops))
    return digest(*(section.path for section in sections if section is not None), *links, *more)


def config_digest(use_case: UseCase) -> str:
    """The sha256 of the use case as it was understood; a source's folder does not count, its bytes do elsewhere."""
    stated = UseCaseFile.model_validate(dict(use_case)).model_dump(mode="json")
    stated.pop("discover")  # its groups are another thing, made from the same
    stated["model"] = {name: value for name, value in stated["model"].items() if value is not None}
    for name in _added:
        if not stated[name]:
            del stated[name]  # as before there were any
    if stated["effect"] == "marketing":
        del stated["effect"]
    further = (*stated.get("further_logs", ()), *stated.get("enrich", ()))
    for section in (*(stated[name] for name in _sections if stated.get(name)), *further):
        _without_later(section)
        section |= {key: Path(section[key]).name for key in ("path", "links") if section.get(key)}
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


def features_digest(use_case: LogUseCase) -> str:
    """The sha256 of what a log's features follow from; use cases that differ in the rest have the same features.

    Who is eligible and which outcome counts is no part of it: neither is a feature.
    """
    stated = use_case.model_dump(mode="json", exclude={**dict.fromkeys(_of_answers, True), "label": {"outcome"}})
    if not use_case.parts_logs:
        del stated["further_logs"], stated["events"]["name"]  # as before there could be several
    if not use_case.enrich:
        del stated["enrich"]
    if use_case.texts is None:
        del stated["texts"]
    if use_case.reactivity is None:
        del stated["reactivity"]
    if not use_case.fit_engagement:
        del stated["fit_engagement"]
    if use_case.profiles is not None and not use_case.profiles.derive:
        del stated["profiles"]["derive"]
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


def _without_later(section: dict[str, object]) -> None:
    """Takes out keys that are not given: they make no other table than before there were such."""
    for key in _later:
        if not section.get(key):
            section.pop(key, None)


def code_digest() -> str:
    """The sha256 of the declared versions of the rooms: a renamed or reformatted file makes no other table."""
    return hashlib.sha256(json.dumps(FIGURE_VERSIONS, sort_keys=True).encode()).hexdigest()
