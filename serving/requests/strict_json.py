"""Strict JSON: what two readers could understand differently is refused."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import msgspec
import numpy as np

from features.spec.feature import Json
from scoring.encoding.notes import Note
from scoring.encoding.value_rules import is_name
from serving.http.pointers import pointer
from serving.http.problems import NOT_JSON, Problem
from serving.requests.syntax_errors import not_json, where_not_json, where_not_utf8

MAX_DEPTH = 32
_parse = msgspec.json.Decoder().decode
_KEY_END = re.compile(rb'"\s*:')
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_LONGEST = 309  # digits of the largest float64 before its point
_STRIDE = 8
_MANY = 16_384  # bytes


def decode(body: bytes) -> Any:
    """The value of a JSON body.

    Refused are bad UTF-8, lone surrogates, NaN and Infinity, numbers beyond float64, an object that names a key twice,
    and anything deeper than MAX_DEPTH.

    Raises:
        Problem: A 400 that names the rule.
    """
    try:
        value = _parse(body)
    except msgspec.ValidationError:
        raise _beyond_float64() from None
    except UnicodeDecodeError:
        raise _problem(not_json("The body must be UTF-8", body, where_not_utf8(body))) from None
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, ValueError) as error:
        rule = "The body must be JSON as RFC 8259 has it, without lone surrogates"
        raise _problem(not_json(rule, body, where_not_json(body, str(error)))) from None
    keys, depth = _census_of_call(value, body) or _census(value)
    if depth > MAX_DEPTH:
        raise _too_deep()
    if names_twice(body, keys) or _long_run(body):
        _examine(body)
    return value


def names_twice(body: bytes, keys: int) -> bool:
    """Whether the text may hold more key ends than there are keys; texts with colons in them raise the first count."""
    return _colons(body) != keys and len(_KEY_END.findall(body)) != keys


def _colons(body: bytes) -> int:
    """How many there are; in a large body counted by numpy, in an eighth of the time."""
    if len(body) < _MANY:
        return body.count(b":")
    return int(np.count_nonzero(np.frombuffer(body, dtype=np.uint8) == ord(":")))


def _long_run(body: bytes) -> bool:
    """Whether as many digits stand in a row as a number beyond float64 has; one byte in eight is seen first."""
    seen = body[::_STRIDE].translate(_DIGITS_TO_ZERO)
    return b"0" * (_LONGEST // _STRIDE) in seen and b"0" * _LONGEST in body.translate(_DIGITS_TO_ZERO)


def _census_of_call(value: Any, body: bytes) -> tuple[int, int] | None:
    """The census of a call for scores whose only objects are profiles and their features.

    The text then has one brace for each of these and no other, which is quicker to see than to look at every value.
    """
    profiles = value.get("profiles") if type(value) is dict else None
    if type(profiles) is not list or any(type(profile) is not dict for profile in profiles):
        return None
    features = [profile.get("features") for profile in profiles]
    lists = sum(type(child) is list for child in value.values())
    if any(type(one) is not dict for one in features) or body.count(b"[") != lists:
        return None
    if body.count(b"{") != 1 + 2 * len(profiles):
        return None
    return len(value) + sum(map(len, profiles)) + sum(map(len, features)), 4


def _census(value: Any) -> tuple[int, int]:
    """How many keys the objects hold after parsing, and how deep the value is."""
    keys, depth = 0, 0
    level = [value] if isinstance(value, (dict, list)) else []
    while level:
        depth += 1
        below: list[Any] = []
        for container in level:
            if type(container) is dict:
                keys += len(container)
                below += [child for child in container.values() if type(child) is dict or type(child) is list]
            else:
                below += [child for child in container if type(child) is dict or type(child) is list]
        level = below
    return keys, depth


def _examine(body: bytes) -> None:
    """The slow second look, taken where the text holds more key ends than keys, or a very long number.

    Text between quotes may hold either, so neither is proof: the standard library's parser decides.
    """
    document = json.loads(body, object_pairs_hook=_distinct, parse_int=_within_float64)
    if path := _path_to_twice(document):
        key = str(path[-1])
        named = f", got {key} twice" if is_name(key) else ""
        detail, place = f"An object must name each key once{named}.", pointer(path if named else path[:-1])
        raise _problem({"code": "not_json", "detail": detail, "pointer": place})


class _Twice(dict[str, Json]):
    """An object that named a key twice, and the first such key."""

    def __init__(self, pairs: list[tuple[str, Json]], key: str) -> None:
        super().__init__(pairs)
        self.key = key


def _distinct(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    counts = Counter(key for key, _ in pairs)
    return _Twice(pairs, next(key for key, count in counts.items() if count > 1))


def _path_to_twice(value: Any) -> list[str | int]:
    """The path to the first key that its object names twice; empty where none does."""
    if isinstance(value, _Twice):
        return [value.key]
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next(([at, *below] for at, child in children if (below := _path_to_twice(child))), [])


def _within_float64(digits: str) -> None:
    if float(digits) in (float("inf"), float("-inf")):
        raise _beyond_float64()


def _beyond_float64() -> Problem:
    return Problem(NOT_JSON, "Every number must be within the range of float64.")


def _too_deep() -> Problem:
    return Problem(NOT_JSON, f"The body must be at most {MAX_DEPTH} levels deep.")


def _problem(note: Note) -> Problem:
    """With the note where it says more than the detail does."""
    return Problem(NOT_JSON, note["detail"], errors=[note] if note.keys() & {"line", "pointer"} else ())
