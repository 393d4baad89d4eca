"""Sections whose rows may lie elsewhere than in a file: an address in the place of a path, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from features.config.origins.addresses import (
    FILES,
    PAGES,
    QUERIES,
    Address,
    address,
    is_address,
    landed_rows,
    source_key,
)
from features.config.value_types import Days, ListSection, SourceColumn, SourceColumns


def _lag(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    if isinstance(value, str) and value[:-1].isdecimal() and value[-1:] in units:
        return timedelta(**{units[value[-1]]: int(value[:-1])})
    raise ValueError('must be a duration such as "30m", "2h" or "1d", or a whole number for a cursor of numbers')


def _variable(name: str) -> str:
    if not name.replace("_", "").isalnum() or not name.isupper():
        raise ValueError("must be the name of an environment variable, in capitals, never the secret itself")
    return name


def _snapshot(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError("must be a whole number: a version of Delta or the id of an Iceberg snapshot")


class Ingest(ListSection):
    """How rows at an address are read: anew each time, or what is new of them."""

    cursor: SourceColumn | None = None  # grows with each row that is written; of type xid8 it is asked exactly
    lag: Annotated[timedelta | int | None, BeforeValidator(_lag)] = None  # read again before the last cursor
    key: SourceColumns = ()  # no two rows share it: a row that changed takes the place of its former self
    full_every: Annotated[Days, Field(ge=1)] = 7  # when all is compared, which alone finds what was deleted
    snapshot: Annotated[int | None, BeforeValidator(_snapshot)] = None  # pinned
    rows: str | None = None  # of a page of JSON: where its rows are, such as "data.items"
    next: str | None = None  # of a page of JSON: where the next one's cursor or address is
    parameter: str = "cursor"  # that the next one's cursor is asked by
    since: str | None = None  # the parameter that asks for rows from a cursor on
    key_env: Annotated[str, AfterValidator(_variable)] | None = None  # the variable that holds the key of an API
    per_minute: Annotated[int, Field(ge=1)] | None = None  # requests
    unload: str | None = None  # of Redshift: where on s3:// it may write


class Freshness(ListSection):
    """How old the data of a use case may be before a run warns."""

    at_most: Annotated[Days, Field(ge=1)] | None = None


class Origin(ListSection):
    """A section that reads rows: of `path`, which is a file's, or the landed copy's of what is at an address."""

    path: Path
    table: str | None = None  # the table to read of a database
    query: str | None = Field(default=None, exclude=True, repr=False)  # in its place
    ingest: Ingest = Field(default_factory=Ingest, exclude=True)
    address: str | None = Field(default=None, exclude=True, repr=False)  # as stated where `path` is one

    @model_validator(mode="before")
    @classmethod
    def _an_address_is_no_path(cls, stated: object) -> object:
        if not isinstance(stated, Mapping):
            return stated
        if "address" in stated:
            raise ValueError("an address stands in path")
        path = stated.get("path")
        return {**stated, "path": "unlanded", "address": path} if isinstance(path, str) and is_address(path) else stated

    @model_validator(mode="after")
    def _the_address_can_be_read(self) -> Self:
        if self.address is None:
            if self.query is not None or self.ingest != Ingest():
                raise ValueError("query and ingest go with an address, path is a file's")
            return self
        found, ingest = address(self.address), self.ingest
        if found.scheme in QUERIES and (self.table is None) == (self.query is None):
            raise ValueError("either table or query must be given with the address of a database")
        if found.scheme not in QUERIES and (self.table or self.query):
            raise ValueError("table and query go with the address of a database")
        if found.scheme in FILES and (ingest.cursor or ingest.key):
            raise ValueError("cursor and key go with the address of a database or of pages, files are compared whole")
        if ingest.snapshot is not None and found.scheme not in ("delta", "delta+s3", "iceberg"):
            raise ValueError("snapshot goes with delta, delta+s3 and iceberg")
        if found.scheme not in PAGES and (ingest.rows or ingest.next or ingest.since or ingest.key_env):
            raise ValueError("rows, next, since and key_env go with an address of pages")
        if (found.scheme == "redshift") != (ingest.unload is not None):
            raise ValueError("unload names where on s3:// Redshift may write, and goes with redshift alone")
        return self

    @property
    def origin(self) -> Address | None:
        """Where the rows come from; None where they are in files of this machine."""
        return None if self.address is None else address(self.address)

    @property
    def source_name(self) -> str:
        """What the source is called in a home.

        Raises:
            ValueError: It is a file's.
        """
        if (found := self.origin) is None:
            raise ValueError("Only what is at an address lands, got a path.")
        return source_key(found, self.table, self.query, self.ingest.snapshot)

    def where(self, folder: Path, home: Path) -> dict[str, Path | str]:
        """Its path made absolute: a file's from `folder`, of an address the landed copy's in `home`."""
        if (found := self.origin) is None:
            return {"path": folder / self.path}
        text = found.text
        if found.scheme == "delta":
            text = f"delta://{(folder / (found.parts.netloc + found.parts.path)).resolve()}"
        moved = self.model_copy(update={"address": text})
        return {"path": landed_rows(home.resolve(), moved.source_name), "address": text}
