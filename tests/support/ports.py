"""Ports for servers of tests, of which several processes of one run ask at a time."""

from __future__ import annotations

import os
import socket


def free_port() -> int:
    """A port of this machine that nobody listens on, nor any other process of this run will be given.

    The ports are dealt out: the n-th of N processes takes those whose number leaves n when divided by N.
    """
    turn, of = _turn()
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port // 2 % of == turn:  # halved, because the kernel hands out odd ones first
            return port


def _turn() -> tuple[int, int]:
    """Which of how many processes this one is; pytest-xdist says so."""
    name = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return int(name.removeprefix("gw")), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
