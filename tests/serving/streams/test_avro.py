"""Avro by a schema or a registry: compatible changes of a schema pass, whatever else is poison by its rule."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from features.spec.feature import Json
from serving.streams.avro import MOST_BYTES, AvroRecords, RegisteredRecords
from serving.streams.config import StreamFileError
from serving.streams.port import Message, PoisonError, UnavailableError
from tests.support.ports import free_port

MOMENT = {"type": "long", "logicalType": "timestamp-millis"}
Fields = Mapping[str, Json]


def _schema(**fields: Json) -> str:
    listed: list[Json] = [
        {"name": name, "type": kind, **({"default": None} if isinstance(kind, list) else {})}
        for name, kind in fields.items()
    ]
    return json.dumps({"type": "record", "name": "Sale", "fields": listed})


FIRST = _schema(customer="string", amount="int", at=MOMENT)
LONGER = _schema(customer="string", amount="long", at=MOMENT, shop=["null", "string"])
OTHER = _schema(customer="string", amount="string", at=MOMENT)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _body(schema: str, record: Mapping[str, object], number: int | None = None) -> bytes:
    out = io.BytesIO(b"" if number is None else b"\0" + number.to_bytes(4, "big"))
    out.seek(0, io.SEEK_END)
    schemaless_writer(out, parse_schema(json.loads(schema)), dict(record))
    return out.getvalue()


def _message(body: bytes) -> Message:
    return Message(position="t/0/1", body=body, identity="t/0/1")


class Registry(HTTPServer):
    """A registry of schemas, which counts how often it is asked."""

    schemas: Mapping[int, str] = {1: FIRST, 2: LONGER, 3: OTHER, 4: '"string"'}
    asked = 0


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Registry)
        self.server.asked += 1
        schema = self.server.schemas.get(int(self.path.rpartition("/")[2]))
        self.send_response(200 if schema else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"schema": schema}).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def _registry() -> Iterator[tuple[str, Registry]]:
    server = Registry(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_record_by_a_schema_has_its_keys_and_moments_as_text() -> None:
    """What JSON would have said; a value that is missing is not there."""
    reader = AvroRecords(LONGER)
    found = reader.record(_message(_body(LONGER, {"customer": "c", "amount": 5, "at": AT, "shop": None})))
    assert found == {"customer": "c", "amount": 5, "at": "2026-03-01T12:00:00+00:00"}


@given(st.binary(max_size=64))
def test_any_bytes_are_a_record_or_poison(body: bytes) -> None:
    """A decoder meets foreign bytes without another failure than poison."""
    with suppress(PoisonError):
        assert set(AvroRecords(FIRST).record(_message(body))) == {"customer", "amount", "at"}


def test_bytes_after_a_record_and_too_many_bytes_are_poison() -> None:
    """Both are refused by their rule."""
    body = _body(FIRST, {"customer": "c", "amount": 5, "at": AT})
    with pytest.raises(PoisonError, match="nothing after it"):
        AvroRecords(FIRST).record(_message(body + b"\0"))
    with pytest.raises(PoisonError, match="at most"):
        AvroRecords(FIRST).record(_message(b"\0" * (MOST_BYTES + 1)))


def test_compatible_changes_of_a_schema_pass_and_others_are_poison() -> None:
    """An added optional field and a promoted number are read; a field of another type is refused by its rule."""
    with _registry() as (address, server):
        reader = RegisteredRecords(address)
        sale = {"customer": "c", "amount": 5, "at": AT}
        assert reader.record(_message(_body(FIRST, sale, 1)))["amount"] == 5
        assert reader.record(_message(_body(LONGER, sale | {"shop": "s"}, 2)))["shop"] == "s"
        with pytest.raises(PoisonError, match="compatible with the one before it"):
            reader.record(_message(_body(OTHER, sale | {"amount": "5"}, 3)))
        for number in (4, 9):
            with pytest.raises(PoisonError, match="one of the registry"):
                reader.record(_message(b"\0" + number.to_bytes(4, "big")))
        with pytest.raises(PoisonError, match="begin with a zero"):
            reader.record(_message(b"{}"))
        asked = server.asked
        reader.record(_message(_body(FIRST, sale, 1)))
        assert server.asked == asked == 5


def test_a_registry_that_is_away_is_no_poison() -> None:
    """The message waits until the registry answers."""
    with pytest.raises(UnavailableError):
        RegisteredRecords(f"http://127.0.0.1:{free_port()}").record(_message(b"\0\0\0\0\1"))


@pytest.mark.parametrize("schema", ["{}", '"string"', "no JSON", '{"type": "record", "name": "x"}'])
def test_what_is_no_schema_of_a_record_is_said_so(schema: str) -> None:
    """Before anything is read."""
    with pytest.raises(StreamFileError, match="must be one of a record"):
        AvroRecords(schema)
