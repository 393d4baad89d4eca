"""Every patch against the libraries that are installed, and what is left of the server where none of them fits."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from circus.watcher import Watcher
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from serving.patches import (
    circus_forked_workers,
    circus_respawn,
    uvicorn_admission,
    uvicorn_bad_request,
    uvicorn_head_timeout,
    uvicorn_one_write,
    uvicorn_size_limits,
)
from serving.patches.seam import Seam
from serving.settings import Settings
from serving.worker.runtime import Runtime
from tests.support.servers import QUICK, ROOT, Server, start, stop

SEAMS = {
    "uvicorn_admission": uvicorn_admission.SEAM,
    "uvicorn_bad_request": uvicorn_bad_request.SEAM,
    "uvicorn_head_timeout": uvicorn_head_timeout.SEAM,
    "uvicorn_one_write": uvicorn_one_write.SEAM,
    "uvicorn_size_limits": uvicorn_size_limits.SEAM,
    "circus_forked_workers, processes": circus_forked_workers.PROCESS_SEAM,
    "circus_forked_workers, watchers": circus_forked_workers.WATCHER_SEAM,
    "circus_respawn, the arbiter": circus_respawn.ARBITER_SEAM,
    "circus_respawn, watchers": circus_respawn.WATCHER_SEAM,
}


def unlike(seam: Seam) -> Seam:
    """The seam of a library that has renamed what the patch needs."""
    return replace(seam, methods={"renamed": ()}, attributes=frozenset({"gone"}))


@pytest.mark.parametrize("seam", SEAMS.values(), ids=SEAMS)
def test_each_patch_fits_what_is_installed(seam: Seam) -> None:
    """The version it was written against is the locked one, and nothing it needs is missing."""
    library, written_against = seam.written_against.split()

    assert version(library) == written_against
    assert seam.lacking() == []


@pytest.mark.parametrize("seam", SEAMS.values(), ids=SEAMS)
def test_what_a_patch_lacks_is_named(seam: Seam) -> None:
    """A method that is gone, one that takes other parameters, and an attribute no method knows."""
    name = next(iter(seam.methods))
    changed = replace(seam, methods={"renamed": (), name: ("another",)}, attributes=frozenset({"gone"}))

    assert changed.lacking() == sorted(["renamed", name, "gone"])


@pytest.mark.parametrize(
    ("patch", "seam", "install", "patched"),
    [
        (
            uvicorn_admission,
            "SEAM",
            lambda home: uvicorn_admission.install(Runtime(Settings(home=home))),
            lambda: (HttpToolsProtocol.on_headers_complete, HttpToolsProtocol.on_message_complete),
        ),
        (
            uvicorn_bad_request,
            "SEAM",
            lambda _: uvicorn_bad_request.install(),
            lambda: HttpToolsProtocol.send_400_response,
        ),
        (
            uvicorn_head_timeout,
            "SEAM",
            lambda _: uvicorn_head_timeout.install(1.0, lambda: None),
            lambda: HttpToolsProtocol.connection_made,
        ),
        (
            uvicorn_one_write,
            "SEAM",
            lambda _: uvicorn_one_write.install(),
            lambda: RequestResponseCycle.send,
        ),
        (
            uvicorn_size_limits,
            "SEAM",
            lambda _: uvicorn_size_limits.install(1),
            lambda: HttpToolsProtocol.data_received,
        ),
        (
            circus_forked_workers,
            "PROCESS_SEAM",
            lambda _: circus_forked_workers.install(),
            lambda: vars(Watcher)["_process_class"],
        ),
        (
            circus_respawn,
            "ARBITER_SEAM",
            lambda _: circus_respawn.watch_for_deaths(cast(Any, object())),
            lambda: None,
        ),
    ],
    ids=["admission", "bad_request", "head_timeout", "one_write", "size_limits", "forked_workers", "respawn"],
)
def test_a_patch_that_does_not_fit_leaves_the_stock_behaviour(
    patch: ModuleType,
    seam: str,
    install: Callable[[Path], object],
    patched: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """The library's own methods stay, and one line of the log names the patch and what it lacks."""
    monkeypatch.setattr(patch, seam, unlike(getattr(patch, seam)))
    before = patched()

    assert install(tmp_path) is None

    assert patched() == before
    [line] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (line["event"], line["level"], line["patch"]) == ("patch_skipped", "warning", patch.__name__)
    assert line["lacking"] == ["gone", "renamed"]


@pytest.fixture(scope="module")
def stock(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server none of whose patches fits."""
    scratch = tmp_path_factory.mktemp("stock")
    program = "import serving.patches.seam as s; s.Seam.lacking = lambda _: ['everything']"
    (scratch / "sitecustomize.py").write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}\n")
    running = start(home, scratch, {**QUICK, "PYTHONPATH": str(scratch)})
    yield running
    stop(running)


def test_a_server_without_any_patch_answers_the_same(stock: Server, server: Server, profile: dict[str, Any]) -> None:
    """Scores and problems are the edge's; each skipped patch has its line, and unreadable bytes get uvicorn's words."""
    body = {"profiles": [profile], "reasons": 3}
    answers = []
    for one in (server, stock):
        with one.client() as client:
            answers.append(client.post("/v1/scores", json=body).raise_for_status().json()["results"])
    address = ("127.0.0.1", int(stock.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(b"no request at all\r\n\r\n")
        unreadable = connection.recv(4096)

    assert answers[0] == answers[1]
    assert unreadable.startswith(b"HTTP/1.1 400 ")
    assert b"text/plain" in unreadable
    lines = [json.loads(line) for line in stock.written().splitlines() if '"patch_skipped"' in line]
    assert {line["patch"].rpartition(".")[2] for line in lines} == {
        "circus_forked_workers",
        "uvicorn_admission",
        "uvicorn_bad_request",
        "uvicorn_head_timeout",
        "uvicorn_one_write",
        "uvicorn_size_limits",
    }
