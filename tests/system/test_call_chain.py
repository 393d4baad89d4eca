"""How far a posted profile travels: functions of ours nested between the edge and the trees, and rooms it enters."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any

import numpy as np
import pytest

from scoring.models.trees import Trees
from serving.edge.edge import Edge
from serving.settings import Settings
from serving.worker.runtime import Runtime
from tests.support.models import release_shop, shop_rows

ROOT = Path(__file__).parents[2]
OURS = ("scoring", "serving")
MARK = 1234.0625  # a feature's value, exact in float32, by which the profile is known wherever it is handed on


class Journey:
    """What `sys.setprofile` reports of one request."""

    def __init__(self) -> None:
        self.chain: list[str] = []  # functions from `Edge.__call__` to the trees, both counted
        self.rooms: set[str] = set()

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Notes a call of ours that is handed the profile, and how deep the trees are reached."""
        if event != "call" or room_of(frame) is None:
            return
        names = frame.f_code.co_varnames[: frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount]
        if any(carries(frame.f_locals.get(name)) for name in names):
            self.rooms.add(str(room_of(frame)))
        if frame.f_code is Trees.margin.__code__ and not self.chain:
            self.chain = nested(frame)


def nested(frame: FrameType | None) -> list[str]:
    """Our functions from the edge down to a frame, as room and name."""
    found: list[str] = []
    while frame is not None:
        if room_of(frame) is not None:
            found.insert(0, f"{room_of(frame)}: {frame.f_code.co_qualname}")
        if frame.f_code is Edge.__call__.__code__:
            return found
        frame = frame.f_back
    raise AssertionError("the trees were reached without the edge")


def room_of(frame: FrameType) -> str | None:
    """The room a function stands in, as `serving/edge`; None for a function of others."""
    path = Path(frame.f_code.co_filename)
    if not path.is_relative_to(ROOT) or path.relative_to(ROOT).parts[0] not in OURS:
        return None
    return path.parent.relative_to(ROOT).as_posix()


def carries(value: Any, depth: int = 6) -> bool:
    """Whether the profile's mark is in a value: bytes of a body, a number, an array, or anything that holds one."""
    if isinstance(value, bytes):
        return str(MARK).encode() in value
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f" and bool((value == MARK).any())
    if isinstance(value, float) or depth == 0:
        return bool(value == MARK) if isinstance(value, float) else False
    if isinstance(value, Mapping):
        return any(carries(one, depth - 1) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(carries(one, depth - 1) for one in value)
    if is_dataclass(value) and not isinstance(value, type) and type(value).__name__.endswith(("Request", "Profile")):
        return any(carries(getattr(value, field.name), depth - 1) for field in fields(value))
    return False


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Edge:
    """The edge of a worker with one release; nothing of a scores request goes on to BentoML."""
    home = tmp_path_factory.mktemp("home")
    release_shop(home, "propensity", scratch=tmp_path_factory.mktemp("bundles"))
    runtime = Runtime(Settings(home=home))
    runtime._watch.look()
    return Edge(inner, runtime)


async def inner(*_: Any) -> None:
    """BentoML's application, which is not asked."""
    raise AssertionError("a scores request is answered by the edge itself")


def journey(edge: Edge, body: bytes) -> tuple[Journey, dict[str, Any]]:
    """What one POST /v1/scores travels, and its answer."""
    sent: list[Any] = []
    traced = Journey()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def request() -> None:
        scope = {"type": "http", "method": "POST", "path": "/v1/scores", "server": ("127.0.0.1", 3000)}
        headers = [
            (b"host", b"127.0.0.1:3000"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        sys.setprofile(traced)
        try:
            await edge({**scope, "headers": headers}, receive, send)
        finally:
            sys.setprofile(None)

    thread = Thread(target=lambda: asyncio.run(request()))  # a loop of its own, beside one that a browser's tests run
    thread.start()
    thread.join()
    assert sent[0]["status"] == 200
    return traced, json.loads(sent[1]["body"])


def test_a_posted_profile_reaches_the_trees_in_at_most_nine_calls_and_ten_rooms(edge: Edge) -> None:
    """Both ends counted; each function between has something to add."""
    row = next(row for row in shop_rows(50, seed=5) if None not in row.values())
    body = json.dumps({"profiles": [{"customer_id": "c1", "features": {**row, "monetary_365d": MARK}}]}).encode()

    traced, answer = journey(edge, body)

    rooms = traced.rooms | {step.partition(":")[0] for step in traced.chain}
    assert answer["results"][0]["scores"]["propensity"]["status"] == "scored"
    assert traced.chain[0].startswith("serving/edge: ")
    assert traced.chain[-1] == "scoring/models: Trees.margin"
    assert len(traced.chain) <= 9, "\n".join(traced.chain)
    assert len(rooms) <= 10, rooms
    assert {"serving/requests", "serving/api", "scoring/encoding", "scoring/models"} <= rooms
