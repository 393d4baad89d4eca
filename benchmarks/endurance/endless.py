"""Callers in a process of their own: `python -m benchmarks.endurance.endless PORT SECONDS CONNECTIONS KIND`.

Each sends an endless head as fast as the server lets it and begins anew when its connection ends (`endless`), or as
soon as there is an answer (`hasty`). Writes how many heads they began.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

_START = b"GET /livez HTTP/1.1\r\nHost: a\r\nX: "
_PIECE = b"a" * 262_144


def begun(port: int, until: float, *, hasty: bool) -> int:
    """How many heads one caller began until a moment of the monotonic clock."""
    count = 0
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            count += 1
            connection.sendall(_START)
            while time.monotonic() < until:
                connection.sendall(_PIECE)
                if hasty and connection.recv(1):
                    break
    return count


def main(port: str, seconds: str, connections: str, kind: str) -> None:
    """So many callers at once, who take no processor time that the server could use: others' machines are elsewhere."""
    os.nice(19)
    until = time.monotonic() + float(seconds)
    with ThreadPoolExecutor(int(connections)) as pool:
        callers = [pool.submit(begun, int(port), until, hasty=kind == "hasty") for _ in range(int(connections))]
    print(sum(caller.result() for caller in callers))


if __name__ == "__main__":
    main(*sys.argv[1:])
