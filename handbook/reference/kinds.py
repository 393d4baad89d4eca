"""What a key holds, in words of both languages, from the type that the code declares."""

from __future__ import annotations

import types
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from handbook.reference.texts import Phrase, phrase

_PLAIN: dict[Any, Phrase] = {
    str: phrase("text / texte"),
    bool: phrase("true or false / true ou false"),
    int: phrase("whole number / nombre entier"),
    float: phrase("number / nombre"),
    Path: phrase("path from the file / chemin depuis le fichier"),
    date: phrase("date / date"),
    datetime: phrase("moment / moment"),
}
# Validators that make a type of their own, by the name of the function.
_CHECKED = {
    "_days": phrase("days or weeks / jours ou semaines"),
    "_hours": phrase("hours, days or weeks / heures, jours ou semaines"),
    "_moment": phrase("date or moment, UTC / date ou moment, UTC"),
    "_lag": phrase("duration, or a whole number / durée, ou nombre entier"),
    "_snapshot": phrase("whole number / nombre entier"),
    "_variable": phrase("name of an environment variable / nom d'une variable d'environnement"),
    "age_of": phrase("hours, days or weeks / heures, jours ou semaines"),
    "_clock": phrase("hour of the day / heure du jour"),
    "_zone": phrase("time zone / fuseau horaire"),
    "check_form": phrase("form of a date / forme d'une date"),
    "_written": phrase("form of a date or number / forme d'une date ou d'un nombre"),
    "_period": phrase("two dates / deux dates"),
    "pressure_of": phrase("section / section"),
    "_retrain_rule": phrase("rule / règle"),
}
_BOTH = {"InBothLanguages", "InBoth"}  # sections of `fr` and `en`
IN_BOTH = phrase("`{ fr, en }`, a text in each language / `{ fr, en }`, un texte dans chaque langue")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a key holds: words, and the unit that its default is counted in."""

    words: Phrase
    unit: str = ""


def kind_of(annotation: Any, metadata: Iterable[Any] = ()) -> Kind:
    """What a declared type holds."""
    base, rules = _unwrapped(annotation, [*metadata])
    named = [getattr(getattr(rule, "func", None), "__name__", "") for rule in rules]
    checked = next((_CHECKED[name] for name in reversed(named) if name in _CHECKED), None)
    unit = "d" if "_days" in named else "h" if "_hours" in named else ""
    words = checked or _words(base)
    return Kind(_bounded(words, rules, unit), unit)


def _unwrapped(annotation: Any, rules: list[Any]) -> tuple[Any, list[Any]]:
    """A type without its rules, which are gathered, and without the None that says it may be left out."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            for rule in more:
                rules += rule.metadata if isinstance(rule, FieldInfo) else [rule]
        elif get_origin(annotation) in (Union, types.UnionType):
            others = [one for one in get_args(annotation) if one is not type(None)]
            if len(others) != 1:
                return annotation, rules
            annotation = others[0]
        else:
            return annotation, rules


def _words(base: Any) -> Phrase:
    origin, within = get_origin(base), get_args(base)
    if origin is Literal:
        values = ", ".join(f"`{one}`" for one in within)
        return Phrase(f"one of {values}", f"l'un de {values}")
    if origin in (Union, types.UnionType):
        return _either(within)
    if origin is dict:
        held = kind_of(within[1]).words
        return Phrase(f"table, of each name: {held.en}", f"table, pour chaque nom : {held.fr}")
    if origin is tuple:
        held = kind_of(within[0]).words
        return Phrase(f"list of: {held.en}", f"liste de : {held.fr}")
    if isinstance(base, type) and issubclass(base, BaseModel):
        return IN_BOTH if base.__name__ in _BOTH else phrase("section / section")
    return _PLAIN.get(base, phrase("section / section"))


def _either(within: tuple[Any, ...]) -> Phrase:
    if {str, bool, int, float} <= set(within):
        return phrase("text, number, true, false or date / texte, nombre, true, false ou date")
    if timedelta in within:
        return _CHECKED["_lag"]
    found = [kind_of(one).words for one in within if one is not type(None)]
    return Phrase(" or ".join(one.en for one in found), " ou ".join(one.fr for one in found))


def _bounded(words: Phrase, rules: Iterable[Any], unit: str) -> Phrase:
    low = next((rule.ge for rule in rules if isinstance(rule, Ge)), None)
    above = next((rule.gt for rule in rules if isinstance(rule, Gt)), None)
    high = next((rule.le for rule in rules if isinstance(rule, Le)), None)
    below = next((rule.lt for rule in rules if isinstance(rule, Lt)), None)
    least = next((rule.min_length for rule in rules if isinstance(rule, MinLen)), 0)
    parts = []
    if low is not None:
        parts.append(Phrase(f"at least {low}{unit}", f"au moins {low}{unit}"))
    if above is not None:
        parts.append(Phrase(f"above {above}{unit}", f"plus de {above}{unit}"))
    if high is not None:
        parts.append(Phrase(f"at most {high}{unit}", f"au plus {high}{unit}"))
    if below is not None:
        parts.append(Phrase(f"below {below}{unit}", f"moins de {below}{unit}"))
    if least > 1:
        parts.append(Phrase(f"at least {least} of them", f"au moins {least}"))
    for part in parts:
        words = Phrase(f"{words.en}, {part.en}", f"{words.fr}, {part.fr}")
    return words
