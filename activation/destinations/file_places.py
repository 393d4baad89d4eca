"""Where files may lie: a folder, a bucket of S3, a folder of a server by SFTP."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from activation.deliveries.transport import SECONDS, DestinationRefusedError
from features.spec.atomic import draft_of

if TYPE_CHECKING:
    import paramiko

_CHUNK = 1 << 20
_MODE = 0o600


class LocalPlace:
    """A folder."""

    def __init__(self, folder: Path) -> None:
        """It is made where there is none."""
        self._folder = folder

    def put(self, source: Path, name: str) -> None:
        """Replaces a file."""
        with draft_of(self._folder / name, mode=_MODE) as draft:
            shutil.copyfile(source, draft)

    def digest(self, name: str) -> str | None:
        """The sha256 of a file."""
        if not (self._folder / name).exists():
            return None
        with (self._folder / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


class BucketPlace:
    """A bucket, by pyarrow; the usual variables of the environment hold its keys."""

    def __init__(self, url: str) -> None:
        """Opens it; `endpoint_override` and `scheme` in the address name another service than Amazon's."""
        self._files, self._folder = fs.FileSystem.from_uri(url)

    def put(self, source: Path, name: str) -> None:
        """Replaces an object, which appears once all of it is there."""
        with source.open("rb") as file, self._files.open_output_stream(f"{self._folder}/{name}") as out:
            shutil.copyfileobj(file, out, _CHUNK)

    def digest(self, name: str) -> str | None:
        """The sha256 of an object."""
        path = f"{self._folder}/{name}"
        if self._files.get_file_info(path).type == fs.FileType.NotFound:
            return None
        found = hashlib.sha256()
        with self._files.open_input_stream(path) as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
        return found.hexdigest()


class ServerPlace:
    """A folder of a server, which is known by its key."""

    def __init__(self, url: str, password: str | None, known_hosts: Path | None) -> None:
        """Remembers where it is; each file is put over a connection of its own."""
        found = urlsplit(url)
        self._host, self._port, self._user = found.hostname or "", found.port or 22, found.username
        self._folder = found.path.rstrip("/") or "/"
        self._password, self._known = password, known_hosts

    def put(self, source: Path, name: str) -> None:
        """Writes a draft beside a file, then renames it."""
        target = f"{self._folder}/{name}"
        with self._session() as files:
            files.put(str(source), f"{target}.part")
            files.chmod(f"{target}.part", _MODE)
            files.posix_rename(f"{target}.part", target)

    def digest(self, name: str) -> str | None:
        """The sha256 of a file."""
        with self._session() as files:
            try:
                with files.open(f"{self._folder}/{name}") as file:
                    found = hashlib.sha256()
                    while chunk := file.read(_CHUNK):
                        found.update(chunk)
                    return found.hexdigest()
            except FileNotFoundError:
                return None

    @contextmanager
    def _session(self) -> Iterator[paramiko.SFTPClient]:
        """A connection; one that is cut, or silent for too long, is a place that cannot be reached."""
        import paramiko

        with self._client() as client:
            try:
                with client.open_sftp() as files:
                    files.get_channel().settimeout(SECONDS)
                    yield files
            except (paramiko.SSHException, EOFError) as error:
                raise OSError(_named(error)) from None

    def _client(self) -> paramiko.SSHClient:
        import paramiko

        client = paramiko.SSHClient()
        if self._known is None:
            client.load_system_host_keys()
        else:
            client.load_host_keys(str(self._known))
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            client.connect(self._host, self._port, self._user, self._password, timeout=SECONDS)
        except (paramiko.AuthenticationException, paramiko.BadHostKeyException) as error:
            client.close()
            raise DestinationRefusedError(
                f"The server must take the password and be the one known: {_named(error)}."
            ) from None
        except (paramiko.SSHException, EOFError) as error:
            client.close()
            raise OSError(_named(error)) from None
        return client


def split_address(url: str, name: str) -> tuple[str, str]:
    """The folder that an address names, and the file in it; one that ends in .csv or .txt is of the file itself.

    >>> split_address("out/list.csv", "dest.csv"), split_address("s3://b/in?region=x", "dest.csv")
    (('out', 'list.csv'), ('s3://b/in?region=x', 'dest.csv'))
    """
    plain, mark, query = url.partition("?")
    folder, _, last = plain.rpartition("/")
    if not last.lower().endswith((".csv", ".txt")):
        return url, name
    return f"{folder or '.'}{mark}{query}", last


def place_of(url: str, password: str | None, known_hosts: Path | None) -> LocalPlace | BucketPlace | ServerPlace:
    """The place that an address names.

    Raises:
        DestinationRefusedError: It is none of ours, or a library is missing.
        OSError: It cannot be reached.
    """
    if url.startswith("s3://"):
        try:
            return BucketPlace(url)
        except (pa.ArrowInvalid, ValueError) as error:
            raise DestinationRefusedError(f"The bucket's address must be one, got {_named(error)}.") from None
    if url.startswith("sftp://"):
        try:
            import paramiko  # noqa: F401 that it is there is all that is asked
        except ImportError:
            raise DestinationRefusedError("SFTP needs the extra `sftp`: install penchant[sftp].") from None
        return ServerPlace(url, password, known_hosts)
    url = url.removeprefix("file://")
    if "://" in url:
        raise DestinationRefusedError("The url of a file must be a folder, s3:// or sftp://, got another.")
    return LocalPlace(Path(url))


def _named(error: Exception) -> str:
    return type(error).__name__
