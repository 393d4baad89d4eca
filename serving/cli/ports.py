"""Ports: asked about before anything is started, so that the answer is one line."""

from __future__ import annotations

import socket


def taken(host: str, port: int) -> bool:
    """Whether a port of an address cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError:
            return True
    return False
