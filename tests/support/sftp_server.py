"""A server of files on loopback that speaks SFTP, as paramiko serves it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import paramiko

USER, PASSWORD = "penchant", "secret"


class _Server(paramiko.ServerInterface):  # type: ignore[misc]  # paramiko has no types
    def check_auth_password(self, username: str, password: str) -> int:
        """One user."""
        known = (username, password) == (USER, PASSWORD)
        return int(paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002 as paramiko asks
        """Sessions."""
        return int(paramiko.OPEN_SUCCEEDED)


def _files(root: Path) -> Any:
    class Files(paramiko.SFTPServerInterface):  # type: ignore[misc]  # paramiko has no types
        def _path(self, path: str) -> Path:
            return root / path.lstrip("/")

        def open(self, path: str, flags: int, attr: Any) -> Any:  # noqa: ARG002 as paramiko asks
            """A file."""
            try:
                handle = os.open(self._path(path), flags, 0o600)
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno)
            file = paramiko.SFTPHandle(flags)
            mode = "r+b" if flags & os.O_RDWR else "wb" if flags & os.O_WRONLY else "rb"
            file.readfile = file.writefile = os.fdopen(handle, mode)
            return file

        def stat(self, path: str) -> Any:
            """What it is."""
            try:
                return paramiko.SFTPAttributes.from_stat(self._path(path).stat())
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno)

        lstat = stat

        def chattr(self, path: str, attr: Any) -> Any:
            """Its permissions."""
            paramiko.SFTPServer.set_file_attr(str(self._path(path)), attr)
            return paramiko.SFTP_OK

        def posix_rename(self, oldpath: str, newpath: str) -> Any:
            """In place of what is there."""
            self._path(oldpath).replace(self._path(newpath))
            return paramiko.SFTP_OK

    return Files


@contextmanager
def sftp_server(root: Path, known_hosts: Path) -> Iterator[str]:
    """Its address; the file of known hosts has its key."""
    key = paramiko.ECDSAKey.generate()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        known_hosts.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
        opened: list[Any] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                transport = paramiko.Transport(connection)
                transport.add_server_key(key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _files(root))
                opened.append(transport)
                with suppress(paramiko.SSHException, EOFError):  # a client that is cut ends itself alone
                    transport.start_server(server=_Server())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"sftp://{USER}@127.0.0.1:{port}/"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for transport in opened:
                transport.close()
            thread.join(5)
