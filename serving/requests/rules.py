"""A decoded body checked by the type that declares it: every broken rule at once, each with its place in the JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar, get_type_hints

import msgspec

from features.spec.feature import Json
from scoring.encoding.block import Block
from scoring.encoding.notes import Note
from scoring.encoding.value_rules import is_name, kind
from serving.http.pointers import pointer
from serving.http.problems import INVALID, Problem

Request = TypeVar("Request", bound=msgspec.Struct)
PostedBody = Mapping[str, Json | Block]  # decoded; a large call has its profiles as a block


def listed(value: Any) -> str:
    """What arrived; of a list how long it is."""
    return f"a list of {len(value)}" if isinstance(value, (list, Block)) else kind(value)


def _always(_value: Any) -> bool:
    return True


def _nowhere(_value: Any) -> int | None:
    return None


@dataclass(frozen=True, slots=True)
class Rule:
    """What a field must be, as an error says it.

    Args:
        text: With `{got}` where what arrived is said, and `{absent}` where something is said of a field left out.
        absent: What `{absent}` stands for.
        got: How it is said what arrived.
        holds: What is asked of a value beside its type.
        first_wrong: The position of the first item of a list that breaks the rule.
    """

    text: str
    absent: str = ""
    got: Callable[[Any], str] = listed
    holds: Callable[[Any], bool] = _always
    first_wrong: Callable[[Any], int | None] = _nowhere


@dataclass(frozen=True, slots=True)
class _Field:
    attribute: str
    name: str  # in the body
    type: Any
    rule: Rule
    default: Any

    def read(self, body: PostedBody) -> tuple[Any, Note | None]:
        """The field's value, and the rule it breaks."""
        value = body.get(self.name, self.default)
        if type(value) is float and value.is_integer():
            value = int(value)  # 3.0 is a whole number too
        try:
            msgspec.convert(value.customers if isinstance(value, Block) else value, self.type)
        except msgspec.ValidationError:
            return value, self._broken(value, [self.name])
        if self.keeps_rule(value):
            return value, None
        wrong = self.rule.first_wrong(value)
        return value, self._broken(value, [self.name] if wrong is None else [self.name, wrong])

    def keeps_rule(self, value: Any) -> bool:
        """Whether a value of the field's type is what the rule asks for beside it."""
        return self.rule.holds(value) and self.rule.first_wrong(value) is None

    def _broken(self, value: Any, path: list[str | int]) -> Note:
        absent = self.rule.absent if value is None else ""
        detail = self.rule.text.format(got=self.rule.got(value), absent=absent)
        return {"code": "invalid_field", "field": self.name, "detail": detail, "pointer": pointer(path)}


def request_of(shape: type[Request], body: PostedBody) -> Request:
    """The request that an object is, by the type that declares it.

    Raises:
        Problem: A 422 with every broken rule.
    """
    try:
        asked = msgspec.convert(body, shape)
    except msgspec.ValidationError:  # field by field it may still be right: a block of profiles is no list
        pass
    else:
        if all(field.keeps_rule(getattr(asked, field.attribute)) for field in _ruled(shape)):
            return asked
    read = {field.attribute: field.read(body) for field in _fields(shape)}
    errors = _strangers(shape, body) + [note for _, note in read.values() if note]
    if errors:
        refuse(errors)
    return shape(**{name: value for name, (value, _) in read.items()})


def object_of(shape: type[msgspec.Struct], body: Any) -> PostedBody:
    """A decoded body that is an object.

    Raises:
        Problem: A 422; it is none.
    """
    if not isinstance(body, dict):
        detail = f"The body must be an object with some of {_keys(shape)}, got {kind(body)}."
        refuse([{"code": "invalid_field", "field": "", "detail": detail, "pointer": ""}])
    return dict(body)


def refuse(errors: list[Note]) -> None:
    """Raises a 422 that names every broken rule."""
    raise Problem(INVALID, " ".join(f"{e['field']}: {e['detail']}".lstrip(": ") for e in errors), errors=errors)


@lru_cache
def _fields(shape: type[msgspec.Struct]) -> tuple[_Field, ...]:
    """The fields of a type, each with the rule that stands among its annotations."""
    hints = get_type_hints(shape, include_extras=True)
    return tuple(
        _Field(
            each.name,
            each.encode_name,
            each.type,
            next(one for one in hints[each.name].__metadata__ if isinstance(one, Rule)),
            None if each.required else each.default,
        )
        for each in msgspec.structs.fields(shape)
    )


@lru_cache
def _ruled(shape: type[msgspec.Struct]) -> tuple[_Field, ...]:
    """The fields that are asked for more than their type."""
    return tuple(each for each in _fields(shape) if (each.rule.holds, each.rule.first_wrong) != (_always, _nowhere))


def _strangers(shape: type[msgspec.Struct], body: PostedBody) -> list[Note]:
    """The keys that the type does not have: by name, but for those that may be a customer's value."""
    others = [key for key in body if key not in shape.__struct_encode_fields__]
    rule = f"The body may hold {_keys(shape)} only, got"
    named: list[Note] = [
        {"code": "unknown_key", "field": key, "detail": f"{rule} this key.", "pointer": pointer([key])}
        for key in others
        if is_name(key)
    ]
    unnamed = len(others) - len(named)
    rest: Note = {"code": "unknown_key", "field": "", "detail": f"{rule} {unnamed} other keys.", "pointer": ""}
    return [*named, rest] if unnamed else named


def _keys(shape: type[msgspec.Struct]) -> str:
    return ", ".join(shape.__struct_encode_fields__)
