"""From the bytes of a large call to rows: no object is made of each profile.

A body is read so only where it is plain: every profile holds the same features, each of a type it may
have, and no text could hide a key named twice. All else is left to `serving.requests.strict_json` and the rules
behind it, which would have answered the same to what is read here.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import lru_cache
from types import UnionType
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import astuple

from features.spec.feature import CUSTOMER_ID, Scalar
from features.spec.ids import posted_id
from scoring.answers.served_release import Live
from scoring.encoding.block import Block, Shape, common_shape, numbers_in
from serving.requests.models import ScoringOptions
from serving.requests.rules import PostedBody
from serving.requests.strict_json import names_twice

LARGE = 16_384  # bytes from which it pays
_TYPES: Mapping[str, UnionType | type[str | bool | float]] = {
    "boolean": bool | None,
    "category": str | None,
    "date": str | None,
    "amount": float | str | None,
}
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')  # names that msgspec takes for a field's
_SCALAR = int | float | str | bool | None
_REST = dict.fromkeys(ScoringOptions.__struct_fields__, list[str] | _SCALAR)  # whether they may be so is asked later


class _Packed(NamedTuple):
    """The values of the profiles that were read so far."""

    numbers: list[bytes]  # float64, NaN where null
    others: list[tuple[Scalar, ...]]


_PACKED: ContextVar[_Packed] = ContextVar("packed")  # of the call that is being read


def read_block(body: bytes, served: Mapping[str, Live]) -> PostedBody | None:
    """The value of a call's body with its profiles as a `Block`; None where it must be looked at more closely."""
    if len(body) < LARGE:
        return None
    for shape in _shapes(tuple(live.scorer.encoder.shape for live in served.values())):
        if decoded := _decoded(body, shape):
            return _sound(body, *decoded, shape)
    return None


def _decoded(body: bytes, shape: Shape) -> tuple[Any, _Packed] | None:
    """The call, and the values of its profiles; a wrong shape ends at the first profile."""
    packed = _Packed([], [])
    token = _PACKED.set(packed)
    try:
        return _decoder(shape)(body), packed
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    finally:
        _PACKED.reset(token)


def _sound(body: bytes, call: Any, packed: _Packed, shape: Shape) -> PostedBody | None:
    rest = {name: value for name in _REST if (value := getattr(call, name)) is not msgspec.UNSET}
    keys = 1 + len(rest) + len(call.profiles) * (2 + len(shape))
    customers = [customer for profile in call.profiles if (customer := posted_id(profile.customer_id))]
    if len(customers) < len(call.profiles) or names_twice(body, keys):
        return None
    numbers = np.frombuffer(b"".join(packed.numbers)).reshape(len(customers), numbers_in(shape))
    return {**rest, "profiles": Block(customers, shape, numbers, packed.others)}


@lru_cache(maxsize=16)
def _shapes(single: tuple[Shape, ...]) -> list[Shape]:
    """What the features of a profile may be: those of every use case, or of one; names that JSON escapes bar it."""
    union = common_shape(single)
    shapes = dict.fromkeys([*([union] if union else []), *single])
    return [shape for shape in shapes if all(_PLAIN.fullmatch(name) for name, _ in shape)]


@lru_cache(maxsize=16)
def _decoder(shape: Shape) -> Callable[[bytes], Any]:
    fields = [
        (f"feature_{place}", _TYPES.get(kind, float | None), msgspec.field(name=name))
        for place, (name, kind) in enumerate(shape)
    ]
    features: Any = msgspec.defstruct("Features", fields, forbid_unknown_fields=True, gc=False)
    identified = [(CUSTOMER_ID, str), ("features", features)]
    profile: Any = msgspec.defstruct(
        "Profile", identified, forbid_unknown_fields=True, gc=False, namespace={"__post_init__": _packing(shape)}
    )
    rest = [(name, kind, msgspec.UNSET) for name, kind in _REST.items()]
    call: Any = msgspec.defstruct("Call", [("profiles", list[profile]), *rest], forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(call).decode


def _packing(shape: Shape) -> Callable[[Any], None]:
    """What is done with a profile as soon as it is read: its values are kept, and its objects given back.

    So the next profile takes the same memory, which the processor has at hand.
    """
    numeric = numbers_in(shape)
    pack = struct.Struct(f"{numeric}d").pack

    def keep(profile: Any) -> None:
        values, profile.features = astuple(profile.features), None
        packed, numbers = _PACKED.get(), values[:numeric]
        try:
            packed.numbers.append(pack(*numbers))
        except struct.error:  # a null among them
            packed.numbers.append(pack(*[math.nan if number is None else number for number in numbers]))
        packed.others.append(values[numeric:])

    return keep
