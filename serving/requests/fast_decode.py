"""From the bytes of a large call to rows: no object is made of each profile.

A body is read so only where it is plain: every profile holds the same features, each of a type it may
have, and no text could hide a key named twice. All else is left to `serving.requests.strict_json` and the rules
behind it, which would have answered the same to what is read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import UnionType
from typing import Any

import msgspec

from features.spec.feature import CUSTOMER_ID
from features.spec.ids import posted_id
from scoring.answers.served_release import Live
from scoring.encoding.block import Block
from scoring.encoding.vectorised import NUMERIC
from serving.requests.models import ScoringOptions
from serving.requests.rules import PostedBody
from serving.requests.strict_json import names_twice

LARGE = 16_384  # bytes from which it pays
Shape = tuple[tuple[str, str], ...]  # features by name and type, numbers first
_TYPES: Mapping[str, UnionType | type[str | bool | float]] = {
    "boolean": bool | None,
    "category": str | None,
    "date": str | None,
    "amount": float | str | None,
}
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')  # names that msgspec takes for a field's
_SCALAR = int | float | str | bool | None
_REST = dict.fromkeys(ScoringOptions.__struct_fields__, list[str] | _SCALAR)  # whether they may be so is asked later


def read_block(body: bytes, served: Mapping[str, Live]) -> PostedBody | None:
    """The value of a call's body with its profiles as a `Block`; None where it must be looked at more closely."""
    if len(body) < LARGE:
        return None
    for shape in _shapes(tuple(live.scorer.encoder.shape for live in served.values())):
        call = _decoded(body, shape)
        if call is not None:
            return _sound(body, call, shape)
    return None


def _decoded(body: bytes, shape: Shape) -> Any:
    try:
        return _decoder(shape)(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a wrong shape ends at the first profile
        return None


def _sound(body: bytes, call: Any, shape: Shape) -> PostedBody | None:
    rest = {name: value for name in _REST if (value := getattr(call, name)) is not msgspec.UNSET}
    keys = 1 + len(rest) + len(call.profiles) * (2 + len(shape))
    customers = [customer for profile in call.profiles if (customer := posted_id(profile.customer_id))]
    if len(customers) < len(call.profiles) or names_twice(body, keys):
        return None
    rows = [msgspec.structs.astuple(profile.features) for profile in call.profiles]
    return {**rest, "profiles": Block(customers, tuple(name for name, _ in shape), rows)}


@lru_cache(maxsize=16)
def _shapes(single: tuple[Shape, ...]) -> list[Shape]:
    """What the features of a profile may be: those of every use case, or of one; names that JSON escapes bar it."""
    kinds: dict[str, set[str]] = {}
    for name, kind in (feature for shape in single for feature in shape):
        kinds.setdefault(name, set()).add(kind)
    agreed = all(len(found) == 1 for found in kinds.values())
    union = sorted(((name, found.pop()) for name, found in kinds.items()), key=lambda one: one[1] not in NUMERIC)
    shapes = dict.fromkeys([*([tuple(union)] if agreed else []), *single])
    return [shape for shape in shapes if all(_PLAIN.fullmatch(name) for name, _ in shape)]


@lru_cache(maxsize=16)
def _decoder(shape: Shape) -> Callable[[bytes], Any]:
    fields = [
        (f"feature_{place}", _TYPES.get(kind, float | None), msgspec.field(name=name))
        for place, (name, kind) in enumerate(shape)
    ]
    features: Any = msgspec.defstruct("Features", fields, forbid_unknown_fields=True, gc=False)
    identified = [(CUSTOMER_ID, str), ("features", features)]
    profile: Any = msgspec.defstruct("Profile", identified, forbid_unknown_fields=True, gc=False)
    rest = [(name, kind, msgspec.UNSET) for name, kind in _REST.items()]
    call: Any = msgspec.defstruct("Call", [("profiles", list[profile]), *rest], forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(call).decode
