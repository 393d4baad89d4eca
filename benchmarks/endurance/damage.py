"""Ways in which a release can be broken: bytes that no longer match their seal, and seals made anew over nonsense."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import xgboost

from scoring.bundle.bundle import MANIFEST, seal
from scoring.releases.store import RELEASE

SEALED = ("model.ubj", "golden.jsonl", "reference.json", MANIFEST)
Harm = Callable[[Path, random.Random], None]
HUGE = (2**31, 2**40, 2**62, -1, -(2**63), 2**63 - 1)


def flipped(folder: Path, draw: random.Random) -> None:
    """One bit of a sealed file is another."""
    path = folder / draw.choice(SEALED)
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def truncated(folder: Path, draw: random.Random) -> None:
    """A file ends early, perhaps at once."""
    path = folder / draw.choice((*SEALED, RELEASE))
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content) - 2)])


def missing(folder: Path, draw: random.Random) -> None:
    """A file is gone, or a folder or a pipe stands in its place."""
    path = folder / draw.choice((*SEALED, RELEASE))
    path.unlink()
    places: list[Callable[[], None]] = [lambda: None, path.mkdir, lambda: os.mkfifo(path)]
    draw.choice(places)()


def another(folder: Path, draw: random.Random) -> None:
    """`release.json` speaks of another release, or does not speak."""
    path = folder / RELEASE
    facts = json.loads(path.read_bytes())
    key, wrong = draw.choice(
        [("version", "999"), ("name", "other"), ("manifest_sha256", "0" * 64), ("manifest_sha256", 1)]
    )
    path.write_bytes(draw.choice([json.dumps({**facts, key: wrong}).encode(), b"[]", b"\xff\xfe", b"[" * 200_000]))


def model_cut(folder: Path, draw: random.Random) -> None:
    """A model that ends early, under a seal that says it is whole."""
    content = (folder / "model.ubj").read_bytes()
    _reseal(folder, {"model.ubj": content[: draw.randrange(len(content) - 1)]})


def model_lengths(folder: Path, draw: random.Random) -> None:
    """Lengths inside the model say that there is far more to come, or less than nothing."""
    content = bytearray((folder / "model.ubj").read_bytes())
    places = [at for at in range(len(content) - 10) if content[at : at + 2] == b"#L"]
    for at in draw.sample(places, draw.randint(1, 3)):
        content[at + 2 : at + 10] = draw.choice(HUGE).to_bytes(8, "big", signed=True)
    _reseal(folder, {"model.ubj": bytes(content)})


def model_noise(folder: Path, draw: random.Random) -> None:
    """A third of the model or more is noise."""
    content = bytearray((folder / "model.ubj").read_bytes())
    size = draw.randint(len(content) // 3, len(content))
    start = draw.randint(0, len(content) - size)
    content[start : start + size] = draw.choice([draw.randbytes(size), bytes(size), b"\xff" * size])
    _reseal(folder, {"model.ubj": bytes(content)})


def model_text(folder: Path, draw: random.Random) -> None:
    """Something else under the model's name."""
    texts = (b"", b"{", b"{}", b'{"learner": {}}', b"\x80\x05]q\x00.", b'{"a":' * 300_000, b"{L" + b"\x7f" * 64)
    _reseal(folder, {"model.ubj": draw.choice(texts)})


def model_trees(folder: Path, draw: random.Random) -> None:
    """Trees whose children, features or leaves are not what they were."""
    document = _as_json(folder)
    trees = document["learner"]["gradient_booster"]["model"]["trees"]
    harm = draw.choice(("wild child", "wild feature", "leaves", "fewer"))
    for tree in trees if harm == "leaves" else trees[: draw.randint(1, len(trees))]:
        if harm == "wild child":
            tree["left_children"][0] = draw.choice([10**6, 2**31 - 1, len(tree["left_children"])])
        elif harm == "wild feature":
            tree["split_indices"][0] = draw.choice([10**6, 2**31 - 1, 6])
        elif harm == "leaves":
            tree["split_conditions"] = [value + 0.5 for value in tree["split_conditions"]]
        else:
            tree["right_children"] = tree["right_children"][:-1]
    _reseal(folder, {"model.ubj": json.dumps(document).encode()})


def model_circle(folder: Path, draw: random.Random) -> None:
    """Trees with nodes that are their own children or their parents': whoever walks them never arrives."""
    document = _as_json(folder)
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        at = draw.choice([node for node, child in enumerate(tree["left_children"]) if child >= 0])
        tree["left_children"][at] = tree["right_children"][at] = draw.choice([0, at])
    _reseal(folder, {"model.ubj": json.dumps(document).encode()})


def golden_rows(folder: Path, draw: random.Random) -> None:
    """Golden rows that this model does not give, or none at all."""
    rows = [json.loads(line) for line in (folder / "golden.jsonl").read_bytes().splitlines()]
    row = draw.choice(rows)
    harms: list[Callable[[], object]] = [
        lambda: row.update(probability=row["probability"] + draw.choice([-1, 1]) * 2e-6),
        lambda: row.update(probability=float("nan")),
        lambda: row.update(probability="0.5"),
        lambda: row.update(band="nowhere"),
        lambda: row.update(features={}),
        lambda: row.pop("features"),
        rows.clear,
    ]
    draw.choice(harms)()
    _reseal(folder, {"golden.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode()})


def schema(folder: Path, draw: random.Random) -> None:
    """A manifest of another shape than it must have."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    key = draw.choice(("features", "encoder", "bands", "calibration", "boundaries", "files", "format", "name"))
    if draw.random() < 0.5:
        del manifest[key]
    else:
        manifest[key] = draw.choice([None, [], {}, "text", 10**400, -1.5, [[]] * 3, {"": None}])
    _seal_manifest(folder, json.dumps(manifest).encode())


def numbers(folder: Path, draw: random.Random) -> None:
    """Numbers in the manifest that no model has."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    wild = draw.choice([10**400, -(10**30), 1e308, float("nan"), float("inf"), "1", None])
    harms: list[Callable[[], object]] = [
        lambda: manifest["calibration"].update(a=wild),
        lambda: manifest["calibration"].update(b=wild),
        lambda: manifest["bands"].update(thresholds=[wild, wild]),
        lambda: manifest["files"]["model.ubj"].update(size=wild),
        lambda: manifest["files"]["model.ubj"].update(sha256=wild),
        lambda: manifest["files"].update({"../" * 20 + "etc/passwd": msgspec.to_builtins(seal(b""))}),
        lambda: manifest["files"].update({"x" * 5_000: msgspec.to_builtins(seal(b""))}),
    ]
    draw.choice(harms)()
    _seal_manifest(folder, json.dumps(manifest).encode())


def nesting(folder: Path, draw: random.Random) -> None:
    """A manifest that is deep, long or no JSON at all."""
    deep, long = (b"[" * 300_000, b'{"a":' * 300_000), (b"9" * 1_000_000, b'"' + b"x" * 10**7 + b'"')
    _seal_manifest(folder, draw.choice((*deep, *long, b"null", b"\xff", b'{"format":1,' * 9)))


QUICK: tuple[Harm, ...] = (
    flipped,
    truncated,
    missing,
    another,
    model_cut,
    model_lengths,
    model_noise,
    model_text,
    model_trees,
    golden_rows,
    schema,
    numbers,
    nesting,
)
SLOW: tuple[Harm, ...] = (model_circle,)  # refused by the clock, or where memory ends


def _as_json(folder: Path) -> Any:
    booster = xgboost.Booster()
    booster.load_model(bytearray((folder / "model.ubj").read_bytes()))
    return json.loads(bytes(booster.save_raw("json")))


def _reseal(folder: Path, files: dict[str, bytes]) -> None:
    """Other contents under seals that fit them."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    for name, content in files.items():
        (folder / name).write_bytes(content)
        manifest["files"][name] = msgspec.to_builtins(seal(content))
    _seal_manifest(folder, json.dumps(manifest).encode())


def _seal_manifest(folder: Path, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    facts = json.loads((folder / RELEASE).read_bytes())
    (folder / RELEASE).write_text(json.dumps({**facts, "manifest_sha256": hashlib.sha256(content).hexdigest()}))
