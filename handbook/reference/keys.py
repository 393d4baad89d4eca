"""Every key that a file of TOML may hold, walked from the models that read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from handbook.reference.kinds import kind_of
from handbook.reference.texts import Phrase, phrase

NOT_WRITTEN = {  # filled in as a file is read
    "use_case.file",
    "use_case.sensitive",
    "use_case.further_logs",
    "use_case.fit_engagement",
    "discovery.file",
    "Origin.address",
}
WHOLE = {"InBothLanguages", "InBoth", "PressureRules"}  # sections that are one value where they stand
REQUIRED, NONE = phrase("required / obligatoire"), phrase("none / aucun")


@dataclass(frozen=True, slots=True)
class Key:
    """One key: where it stands in the file, what the catalogue calls it, what it holds."""

    path: tuple[str, ...]
    name: str  # in the catalogue: the section's model and the key
    type: Phrase
    default: Phrase
    repeated: bool = False  # a section that may stand several times, [[...]]
    is_section: bool = False

    @property
    def shown(self) -> str:
        """As messages of the code name it."""
        return ".".join(self.path)


# Read by a dataclass of scoring, which declares no keys: the catalogue has their types.
PRESSURE = tuple(
    Key(("pressure", name), f"PressureRules.{name}", phrase("section / section"), NONE)
    for name in ("max", "control", "first")
)


def keys_of(root: type[BaseModel], name: str) -> Iterator[Key]:
    """Every key of a file, sections before what stands in them.

    Args:
        root: The model of the whole file.
        name: What the catalogue calls the file.
    """
    yield from _walked(root, (), name, {root})


def _walked(model: type[BaseModel], before: tuple[str, ...], owner: str | None, met: set[type]) -> Iterator[Key]:
    for field_name, field in model.model_fields.items():
        written = field.alias or field_name
        said = f"{owner or _declaring(model, field_name).__name__}.{written}"
        if said in NOT_WRITTEN:
            continue
        path = (*before, written)
        sections = [one for one in _sections(field.annotation) if one.__name__ not in WHOLE]
        kind = kind_of(field.annotation, field.metadata)
        by_hand = "PressureRules" in str(field.annotation)
        is_section = by_hand or (bool(sections) and kind.words.en.endswith("section"))
        yield Key(path, said, kind.words, _default(field, kind.unit), _repeats(field), is_section)
        if by_hand:
            yield from PRESSURE
        for section in sections:
            if section not in met:
                yield from _walked(section, path, None, {*met, section})


def _declaring(model: type[BaseModel], field: str) -> type:
    """The model that a key belongs to, of those that this one extends."""
    return next(one for one in reversed(model.__mro__) if field in vars(one).get("__annotations__", {}))


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for within in get_args(annotation):
        yield from _sections(within)


def _repeats(field: FieldInfo) -> bool:
    return "tuple" in str(field.annotation).partition("[")[0] and bool([*_sections(field.annotation)])


def _default(field: FieldInfo, unit: str) -> Phrase:
    if field.is_required():
        return REQUIRED
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}, "") or isinstance(value, BaseModel) or type(value).__name__ in WHOLE:
        return NONE
    shown = _toml(value)
    return Phrase(f"`{shown}{unit}`", f"`{shown}{unit}`")


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple() | list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return f"[{', '.join(map(_toml, value))}]"
        case datetime() | date():
            return value.isoformat()
        case _:
            return str(value)
