"""A model as the files of a bundle hold it: trees, a sum of terms, or a blend of such members."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from weakref import WeakValueDictionary

import msgspec
from msgspec import Struct

from scoring.models.additive import LinearModel
from scoring.models.blend import Blend
from scoring.models.model import Model, TreeModel

TREES, TERMS, BLEND = "model.ubj", "model.json", "blend.json"
MEMBER = "member-"  # begins the file of a member's model


class BlendMember(Struct, frozen=True):
    """A member of a blend: the file of its model, and its weight."""

    file: str
    weight: float

    def __post_init__(self) -> None:
        if not 0 < self.weight < float("inf"):
            raise ValueError(f"A member's weight must be positive and finite, got {self.weight}.")


class BlendDocument(Struct, frozen=True):
    """`blend.json`."""

    members: tuple[BlendMember, ...]


# Trees that somebody still holds, by the digest of their file and their threads: a training loads a bundle many times.
_alive: WeakValueDictionary[tuple[bytes, int], TreeModel] = WeakValueDictionary()
_blend = msgspec.json.Decoder(BlendDocument).decode  # looked up at import: msgspec crashes where two threads do at once


def model_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those of a bundle's files that its model is made of; none where it is of a kind that is not known here."""
    if BLEND in files:
        return {name: stored for name, stored in files.items() if name == BLEND or name.startswith(MEMBER)}
    return {name: stored for name, stored in files.items() if name in (TREES, TERMS)}


def parse_model(files: Mapping[str, bytes], *, threads: int = 0, prepared: bool = True) -> Model:
    """The model of its files: trees in `model.ubj`, terms in `model.json`, or `blend.json` and its members' files.

    `prepared`: whether trees are made ready for few rows and for reasons now, or when those are first asked for.

    Raises:
        ValueError: A file is not of its kind, or there is none.
        KeyError: A member's file is not there.
    """
    if BLEND in files:
        members = _blend(files[BLEND]).members
        parsed = [_parsed(one.file, files[one.file], threads=threads, prepared=prepared) for one in members]
        return Blend(tuple(zip((one.weight for one in members), parsed, strict=True)))
    name = next(iter(files), None)
    if name is None:
        raise ValueError(f"A model is stored as {TREES}, {TERMS} or {BLEND}, got none of them.")
    return _parsed(name, files[name], threads=threads, prepared=prepared)


def weights_of(files: Mapping[str, bytes]) -> dict[str, float]:
    """The weight of each file's model in the whole, by name: 1 of a model that is no blend."""
    if BLEND in files:
        return {one.file: one.weight for one in _blend(files[BLEND]).members}
    return dict.fromkeys(files, 1.0)


def _parsed(name: str, stored: bytes, *, threads: int, prepared: bool) -> Model:
    if not name.endswith(".ubj"):
        return LinearModel.parse(stored)
    key = (hashlib.sha256(stored).digest(), threads)
    model = _alive.get(key)
    if model is None:
        model = _alive.setdefault(key, TreeModel(stored, threads=threads))
    return model.prepare() if prepared else model
