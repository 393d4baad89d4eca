"""A relay on loopback in front of a server, which cuts connections when it is asked to."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK = 1 << 14


class Relay:
    """Cuts each connection after as many bytes of the client's as `cuts` says next; None: it is left alone."""

    def __init__(self, port: int) -> None:
        self.cuts: deque[int | None] = deque()
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                left = self.cuts.popleft() if self.cuts else None
                threading.Thread(target=self._join, args=(client, left), daemon=True).start()

    def _join(self, client: socket.socket, left: int | None) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._to)) as server:
            threading.Thread(target=_copied, args=(server, client, None), daemon=True).start()
            _copied(client, server, left)

    def close(self) -> None:
        """Lets nobody in any more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _copied(source: socket.socket, target: socket.socket, left: int | None) -> None:
    with suppress(OSError):
        while (left is None or left > 0) and (chunk := source.recv(_CHUNK)):
            target.sendall(chunk if left is None else chunk[:left])
            left = None if left is None else left - len(chunk)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def relayed(port: int) -> Iterator[Relay]:
    """A relay to a port of this machine."""
    relay = Relay(port)
    try:
        yield relay
    finally:
        relay.close()
