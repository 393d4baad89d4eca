"""Addresses of data that lies elsewhere than in files: checked, shown without secrets; and where its copy lands."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

FILES = ("s3", "delta", "delta+s3", "iceberg")  # read file by file
QUERIES = ("postgres", "snowflake", "bigquery", "redshift")  # that answer a query
PAGES = ("https", "http")  # pages of JSON; http on this machine alone
SCHEMES = (*FILES, *QUERIES, *PAGES)
_address = re.compile(r"^([a-z][a-z0-9+.-]*)://")
_same = {"postgresql": "postgres"}
_secret = re.compile(r"pass|pwd|secret|token|key|signature|credential", re.IGNORECASE)
LANDED = "landed"
CURRENT = "current"  # in a source's folder: the number of the copy that counts
_NONE = "none"
_loopback = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Address:
    """Where rows come from; `text` is all of it, which no log, error or manifest may show."""

    text: str = field(repr=False)
    scheme: str

    @property
    def redacted(self) -> str:
        """The address without user, password, query and fragment.

        >>> address("postgres://ann@db.example:5432/shop?sslmode=require").redacted
        'postgres://db.example:5432/shop'
        """
        parts = self.parts
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        port = f":{parts.port}" if parts.port else ""
        return f"{self.scheme}://{host}{port}{parts.path}"

    @property
    def parts(self) -> SplitResult:
        """As it is made up."""
        return urlsplit(self.text)

    @property
    def last(self) -> str:
        """The last name of its path, or its host."""
        return next((part for part in reversed(self.parts.path.split("/")) if part), self.parts.hostname or "")


def is_address(text: str) -> bool:
    """Whether a text is an address rather than a path.

    >>> is_address("s3://shop/events"), is_address("data/events.csv"), is_address("C:/events.csv")
    (True, False, False)
    """
    return _address.match(text) is not None


def address(text: str) -> Address:
    """The address in a text.

    Raises:
        ValueError: It is of no kind that is read here, or holds a secret, which is not shown.
    """
    found = _address.match(text)
    scheme = _same.get(found[1], found[1]) if found else ""
    if scheme not in SCHEMES:
        raise ValueError(f"an address must begin with one of {', '.join(f'{one}://' for one in SCHEMES)}, got another")
    try:
        parts = urlsplit(text)
        secret = parts.password is not None or any(_secret.search(name) for name, _ in parse_qsl(parts.query))
        _ = parts.port
    except ValueError:
        raise ValueError("an address must be host, port and path after its ://, got something else") from None
    if secret:
        raise ValueError(
            "an address must hold no secret: PGPASSWORD, AWS_SECRET_ACCESS_KEY or `key_env` name the variable of one"
        )
    if scheme == "http" and parts.hostname not in _loopback:
        raise ValueError("an address must be https:// but on this machine, got http://")
    if scheme in ("s3", "delta+s3", "iceberg", *PAGES) and not parts.netloc:
        raise ValueError("an address must name a host, bucket or catalogue after its ://, got none")
    return Address(text, scheme)


def source_key(address: Address, table: str | None, query: str | None, snapshot: int | None) -> str:
    """What a source is called in a home: for people its last name, and what keeps it apart from all others."""
    stated = json.dumps([address.text, table, query, snapshot]).encode()
    name = re.sub("[^a-z0-9]+", "-", (table or address.last).lower()).strip("-")[:40]
    return f"{name or 'rows'}-{hashlib.sha256(stated).hexdigest()[:8]}"


def source_folder(home: Path, key: str) -> Path:
    """All that a home keeps of a source."""
    return home / LANDED / key


def copy_folder(home: Path, key: str, number: str) -> Path:
    """The rows of one copy; the last name is the source's, whichever copy it is."""
    return source_folder(home, key) / number / key


def current_number(home: Path, key: str) -> str | None:
    """Which copy counts; None where nothing has landed."""
    pointer = source_folder(home, key) / CURRENT
    return pointer.read_text(encoding="utf-8").strip() if pointer.exists() else None


def landed_rows(home: Path, key: str) -> Path:
    """The folder of the rows that landed last; one that is not there where none have."""
    return copy_folder(home, key, current_number(home, key) or _NONE)
