"""Bodies of messages in Avro: by one schema of a file, or by the registry's schema whose number a message begins with.

A later schema must be compatible with the one that was met first: a field that one of them lacks may be missing in the
other, and numbers may be promoted; a field of another type is poison.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from features.spec.feature import Json
from serving.streams.config import StreamFileError, StreamSource, secret
from serving.streams.port import Message, MessageReader, PoisonError, UnavailableError

if TYPE_CHECKING:
    from fastavro.types import Schema

MOST_BYTES = 1_000_000  # of a message
_MOST_SCHEMA = 1_000_000  # bytes of an answer of the registry
_MOST_SCHEMAS = 1_000  # of a registry that are kept
_HEAD = 5  # bytes: a zero and the number of the schema
_NUMBERS = ('"int"', '"long"', '"float"', '"double"')
_GRACE = 5.0  # seconds that a registry may take to answer


class AvroRecords:
    """Reads Avro records, without a container."""

    def __init__(self, schema: str) -> None:
        """Takes the schema as JSON.

        Raises:
            StreamFileError: It is none of a record, or the extra is missing.
        """
        self._schema = _parsed(schema)

    def record(self, message: Message) -> Mapping[str, Json]:
        """As the port has it."""
        _check_size(message)
        return _read(message.body, self._schema)


class RegisteredRecords:
    """Reads Avro records that begin with the number of their schema in a registry."""

    def __init__(self, registry: str, account: str | None = None) -> None:
        """Takes the registry's address and `user:password` where it wants one."""
        _needed()
        self._registry, self._account = registry.rstrip("/"), account
        self._schemas: dict[int, Schema | None] = {}  # None: there is no such
        self._first: Schema | None = None

    def record(self, message: Message) -> Mapping[str, Json]:
        """As the port has it."""
        _check_size(message)
        if len(message.body) < _HEAD or message.body[0] != 0:
            raise PoisonError("The body must begin with a zero and the number of its schema")
        number = int.from_bytes(message.body[1:_HEAD], "big")
        if number not in self._schemas:
            if len(self._schemas) >= _MOST_SCHEMAS:
                self._schemas.clear()
            self._schemas[number] = self._ask(number)
        if (schema := self._schemas[number]) is None:
            raise PoisonError("The schema's number must be one of the registry, of a record")
        if self._first is None:
            self._first = schema
        if not _compatible(self._first, schema):
            raise PoisonError("The schema must be compatible with the one before it: a field is another, or is missing")
        return _read(message.body[_HEAD:], schema)

    def _ask(self, number: int) -> Schema | None:
        request = Request(f"{self._registry}/schemas/ids/{number}")  # noqa: S310 - http(s) alone
        request.add_header("Accept", "application/vnd.schemaregistry.v1+json")
        if self._account is not None:
            from base64 import b64encode

            request.add_header("Authorization", f"Basic {b64encode(self._account.encode()).decode()}")
        try:
            with urlopen(request, timeout=_GRACE) as answer:  # noqa: S310
                found = json.loads(answer.read(_MOST_SCHEMA))
            if found.get("schemaType", "AVRO") != "AVRO":
                return None
            return _parsed(found["schema"])
        except HTTPError as error:
            if error.code == 404:
                return None
            raise UnavailableError(f"The registry answered {error.code}") from None
        except (URLError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, StreamFileError):
                return None
            raise UnavailableError(f"The registry cannot be read: {type(error).__name__}") from None


def avro_reader(source: StreamSource) -> MessageReader:
    """The reader of a source in Avro.

    Raises:
        StreamFileError: The schema cannot be read, a secret is missing, or the extra.
    """
    if source.registry is not None:
        return RegisteredRecords(source.registry, secret(source.registry_env))
    try:
        text = Path(source.schema or "").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StreamFileError([f"source.schema: must be a file of JSON, got {type(error).__name__}"]) from None
    return AvroRecords(text)


def _needed() -> None:
    try:
        import fastavro  # noqa: F401
    except ImportError:
        raise StreamFileError(["needs the extra kafka or rabbitmq: pip install 'penchant[kafka]'"]) from None


def _parsed(text: str) -> Schema:
    _needed()
    from fastavro import parse_schema
    from fastavro.schema import SchemaParseException, UnknownType

    try:
        document = json.loads(text)
        if isinstance(document, dict) and document.get("type") == "record" and document.get("fields"):
            return parse_schema(document)
    except (ValueError, TypeError, KeyError, RecursionError, SchemaParseException, UnknownType):
        pass
    raise StreamFileError(["the Avro schema must be one of a record"])


def _check_size(message: Message) -> None:
    if len(message.body) > MOST_BYTES:
        raise PoisonError(f"The body must have at most {MOST_BYTES} bytes")


def _compatible(first: Schema, other: Schema) -> bool:
    """Whether what both have is of the same kind, and what one of them lacks may be missing in the other."""
    if first is other:
        return True
    before, after = _fields(first), _fields(other)
    return all(
        _kinds(before[name]) == _kinds(after[name])
        if name in before and name in after
        else _optional(before.get(name) or after[name])
        for name in (*before, *after)
    )


def _fields(schema: Schema) -> Mapping[str, Mapping[str, Json]]:
    return {field["name"]: field for field in schema["fields"]} if isinstance(schema, dict) else {}


def _kinds(field: Mapping[str, Json]) -> frozenset[str]:
    """The kinds of a field's values; numbers are of one kind, as they are promoted, and null is none."""
    kind = field["type"]
    texts = {json.dumps(one, sort_keys=True) for one in (kind if isinstance(kind, list) else [kind])}
    return frozenset("number" if text in _NUMBERS else text for text in texts - {'"null"'})


def _optional(field: Mapping[str, Json]) -> bool:
    kind = field["type"]
    return "default" in field or (isinstance(kind, list) and "null" in kind)


def _read(body: bytes, schema: Schema) -> Mapping[str, Json]:
    """The record of a body."""
    from fastavro import schemaless_reader

    whole = io.BytesIO(body)
    try:
        found = schemaless_reader(whole, schema, None)
    except Exception as error:  # whatever a decoder makes of foreign bytes
        raise PoisonError(f"The body must be a record of its schema, got {type(error).__name__}") from None
    if whole.tell() != len(body):
        raise PoisonError("The body must be one record and nothing after it")
    if not isinstance(found, dict):
        raise PoisonError("The body must be a record")
    return {str(key): _json(value) for key, value in found.items() if value is not None}


def _json(value: object) -> Json:
    """A value as JSON has it: moments as text, decimals as numbers."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise PoisonError("A number must be finite")
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_json(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _json(one) for key, one in value.items()}
    raise PoisonError("A value must be text, a number, a moment, true or false")
