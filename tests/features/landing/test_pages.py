"""Pages of JSON from a server on loopback that pages, limits, fails and says when to come back."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest

from features.config.use_case import load_use_case
from features.errors import DataError, UseCaseError
from features.landing.ingest import Landed, ingest
from features.landing.ports import SourceUnavailableError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Answer = tuple[int, dict[str, str], object]
USE_CASE = """
name = "crm"
polarity = "positive"
[events]
path = "{address}"
customer_id = "customer.id"
timestamp = "at"
type = "visit"
amount = "amount"
[events.ingest]
{keys}
[window]
prediction = "90d"
[label]
event = "visit"
outcome = "present"
"""


class Api:
    """A server whose answers a test makes; it notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answer: Callable[[dict[str, str]], Answer] = lambda _: (404, {}, {})
        api = self

        class Handler(BaseHTTPRequestHandler):
            """Answers as the test says."""

            def do_GET(self) -> None:  # the name is the library's
                """One page."""
                parts = urlsplit(self.path)
                query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
                api.asked.append((parts.path, query, {name.lower(): value for name, value in self.headers.items()}))
                status, headers, body = api.answer(query)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the library's
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/v1/visits"


@pytest.fixture
def api() -> Iterator[Api]:
    """One that listens."""
    found = Api()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, without waiting."""
    found: list[float] = []
    monkeypatch.setattr("features.landing.readers.pages.time.sleep", found.append)
    return found


def land(api: Api, folder: Path, keys: str = "", *, full: bool = False) -> Landed:
    """The source, landed."""
    file = folder / "crm.toml"
    file.write_text(USE_CASE.format(address=api.address, keys=keys))
    [landed] = ingest(load_use_case(file, folder / "home"), folder / "home", NOW, full=full)
    return landed


def visit(number: int, **more: object) -> dict[str, object]:
    """One row as an API writes it."""
    at = (datetime(2026, 1, 1) + timedelta(hours=number)).isoformat() + "Z"
    return {"id": number, "customer": {"id": number % 7}, "at": at, "amount": number / 4, **more}


def paged(rows: list[dict[str, object]], size: int = 10) -> Callable[[dict[str, str]], Answer]:
    """Pages of rows by a cursor, from a moment on where one is asked for."""

    def answer(query: dict[str, str]) -> Answer:
        chosen = [row for row in rows if str(row["at"]) >= query.get("from", "")]
        first = int(query.get("cursor", "0"))
        following = str(first + size) if first + size < len(chosen) else None
        return 200, {}, {"data": chosen[first : first + size], "paging": {"next": following}}

    return answer


def rows_of(folder: Path) -> list[dict[str, str | None]]:
    """What landed."""
    [path] = (folder / "home/landed").rglob("part-*.parquet")
    found: list[dict[str, str | None]] = pq.read_table(path).to_pylist()
    return found


NEXT = 'next = "paging.next"'


def test_all_pages_land_with_numbers_as_they_are_written(api: Api, tmp_path: Path) -> None:
    """A key goes in the header alone; what is inside an object is under both names."""
    first = paged([visit(number) for number in range(25)])
    api.answer = lambda query: (200, {}, json.dumps(first(query)[2]).replace(" 0.25", " 0.250").encode())

    landed = land(api, tmp_path, NEXT)

    assert (landed.manifest.rows, len(api.asked)) == (25, 3)
    rows = sorted(rows_of(tmp_path), key=lambda row: int(row["id"] or 0))
    assert rows[1] == {"amount": "0.250", "at": "2026-01-01T01:00:00Z", "customer.id": "1", "id": "1"}


def test_a_key_is_sent_and_shown_nowhere(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands in a variable; without one nothing is asked."""
    api.answer = paged([visit(1)])
    with pytest.raises(UseCaseError, match="CRM_KEY must be set"):
        land(api, tmp_path, 'key_env = "CRM_KEY"')
    monkeypatch.setenv("CRM_KEY", "s3cret-value")

    land(api, tmp_path, 'key_env = "CRM_KEY"')

    assert [headers["authorization"] for _, _, headers in api.asked] == ["Bearer s3cret-value"]
    assert all(b"s3cret-value" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("form", ["seconds", "moment"])
def test_an_api_that_says_later_is_asked_later(api: Api, tmp_path: Path, rests: list[float], form: str) -> None:
    """In seconds, or at a moment; and where the quota is used up until it is new."""
    pages_of, refused = paged([visit(number) for number in range(15)]), [0]

    def answer(query: dict[str, str]) -> Answer:
        refused[0] += 1
        if refused[0] == 2:
            later = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
            return 429, {"Retry-After": "40" if form == "seconds" else later}, {}
        status, _, body = pages_of(query)
        return status, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}, body

    api.answer = answer

    landed = land(api, tmp_path, NEXT)

    assert landed.manifest.rows == 15
    assert [round(seconds, -1) for seconds in rests if seconds > 20] == [40]
    assert rests.count(7.0) == 2


def test_a_pager_that_fails_in_the_middle_goes_on_there(api: Api, tmp_path: Path, rests: list[float]) -> None:
    """What landed before stays; the pages that came are not asked for again."""
    api.answer = paged([visit(number) for number in range(10)])
    land(api, tmp_path, NEXT)
    before = rows_of(tmp_path)
    whole = paged([visit(number) for number in range(45)])
    api.answer = lambda query: (500, {}, {}) if query.get("cursor") == "30" else whole(query)
    with pytest.raises(SourceUnavailableError, match="got status 500"):
        land(api, tmp_path, NEXT)
    assert rows_of(tmp_path) == before
    api.answer, asked = whole, len(api.asked)

    landed = land(api, tmp_path, NEXT)

    assert landed.manifest.rows == 45
    assert [query.get("cursor") for _, query, _ in api.asked[asked:]] == ["30", "40"]


def test_what_is_new_is_asked_for_from_a_lag_on_and_comes_once(api: Api, tmp_path: Path) -> None:
    """The same bytes as of a full reading; a column that new rows lack is no drift."""
    keys = f'{NEXT}\ncursor = "at"\nsince = "from"\nlag = "3h"\nkey = ["id"]'
    rows = [visit(number, **({"note": "rare"} if number == 2 else {})) for number in range(40)]
    api.answer = paged(rows)
    land(api, tmp_path, keys)
    new = [visit(40), visit(37, amount=99)]
    api.answer, asked = paged([row for row in rows if row["id"] != 37] + new), len(api.asked)

    found = land(api, tmp_path, keys)

    assert [query.get("from") for _, query, _ in api.asked[asked:]] == ["2026-01-02T12:00:00Z"]
    assert (found.read, found.manifest.rows) == ("incremental", 41)
    assert [row["amount"] for row in rows_of(tmp_path) if row["id"] == "37"] == ["99"]


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ((200, {}, b"<html>"), "a page must be JSON"),
        ((200, {}, {"error": "no"}), "a page must be JSON"),
        ((200, {}, {"data": [visit(1)], "next": "https://elsewhere.example/v1"}), "must be of the same host"),
        ((200, {}, {"data": [visit(1)], "next": "/v1/visits"}), "must not name one that was read before"),
    ],
    ids=["html", "no-rows", "another-host", "ring"],
)
def test_pages_that_are_none_are_refused(api: Api, tmp_path: Path, answer: Answer, rule: str) -> None:
    """By rule, without their content."""
    api.answer = lambda _: answer

    with pytest.raises(DataError, match=rule):
        land(api, tmp_path)
