from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.releases.store import load_release
from serving.client.client import AsyncClient, CallError, Client, profiles_of
from tests.support.models import shop_rows
from tests.support.ports import free_port
from tests.support.servers import Server

LIBRARIES = ["arrow", "polars", "pandas"]


def customers(count: int) -> list[dict[str, Any]]:
    """Rows of a shop's customers, an id among their features."""
    return [{"client": f"c{number}", **row} for number, row in enumerate(shop_rows(count, seed=8))]


def typed(count: int) -> pa.Table:
    """The same as a table with a real date."""
    table = pa.Table.from_pylist(customers(count))
    at = table.column_names.index("joined on")
    return table.set_column(at, "joined on", table.column("joined on").cast(pa.date32()))


@pytest.mark.parametrize("make", [lambda t: t, pl.from_arrow, lambda t: t.to_pandas()], ids=LIBRARIES)
def test_a_data_frame_is_scored_in_chunks_and_in_order(server: Server, home: Path, make: Any) -> None:
    """2,500 rows of any library are three calls, and the answers those of the scorer itself."""
    live = {"churn": Live(load_release(home, "churn"))}
    posted = [{"customer_id": row.pop("client"), "features": row} for row in customers(2500)]

    with Client(server.url) as client:
        results = client.scores(make(typed(2500)), use_cases=["churn"], reasons=2, customer_id="client")

    assert results == json.loads(json.dumps(score_profiles(live, posted, use_cases=["churn"], reasons=2)))


def test_both_clients_answer_the_same(server: Server, profile: Any) -> None:
    """Scores and explanations, sync and async."""

    async def ask() -> tuple[Any, Any, Any]:
        async with AsyncClient(server.url) as client:
            scores = await client.scores(typed(2100), customer_id="client", language="fr")
            flat = await client.flat_scores(typed(3), customer_id="client", reasons=1)
            return scores, await client.explain("churn", profile), flat

    with Client(server.url) as client:
        scores = client.scores(typed(2100), customer_id="client", language="fr")
        explained = client.explain("churn", profile)
        flat = client.flat_scores(typed(3), customer_id="client", reasons=1)

    with ThreadPoolExecutor(1) as thread:  # a browser that other tests drive keeps a loop running in this one
        theirs, explained_too, flat_too = thread.submit(asyncio.run, ask()).result()
    assert theirs == scores
    assert flat_too == flat
    assert [row["churn_reason_1_text"] is None for row in flat] == [row["churn_status"] != "scored" for row in flat]
    assert explained_too["contributions"] == explained["contributions"]
    assert explained_too["probability"] == explained["probability"]


@pytest.mark.parametrize(
    "make", [lambda t: t, pl.from_arrow, lambda t: t.to_pandas().set_index(pd.Index(list("xyz")))], ids=LIBRARIES
)
def test_a_frame_is_answered_as_a_frame(server: Server, make: Any) -> None:
    """Of the same library and in its order: its ids, the columns of flat scores; pandas keeps its index."""
    asked = make(typed(3))

    with Client(server.url) as client:
        answer = client.scores_frame(asked, use_cases=["churn"], reasons=1, customer_id="client")
        flat = client.flat_scores(typed(3), use_cases=["churn"], reasons=1, customer_id="client")

    table = pa.table(answer)
    rows = [{name: None if value != value else value for name, value in row.items()} for row in table.to_pylist()]
    kept = [{name: value for name, value in row.items() if not name.startswith("__index")} for row in rows]
    assert type(answer) is type(asked)
    assert kept == [{"client": row.pop("customer_id"), **row} for row in flat]
    assert table.schema.field("churn_probability").type == pa.float64()
    if isinstance(answer, pd.DataFrame):
        assert list(answer.index) == ["x", "y", "z"]


def test_what_is_no_frame_is_refused() -> None:
    """Nothing is asked."""
    with Client("http://127.0.0.1:1") as client:
        with pytest.raises(TypeError, match="Arrow"):
            client.scores_frame([{"customer_id": "1"}])
        with pytest.raises(ValueError, match="column of ids 'client'"):
            client.scores_frame(pl.DataFrame({"a": [1]}), customer_id="client")


def test_a_refusal_names_the_rule_and_the_request(server: Server) -> None:
    """What cannot be mended by waiting is not tried again."""
    with Client(server.url) as client, pytest.raises(CallError, match="use case") as caught:
        client.scores([{"customer_id": "a", "features": {}}], use_cases=["nope"])

    assert caught.value.status == 404
    assert caught.value.request_id


def test_a_customer_whom_the_store_does_not_know_is_not_explained(server: Server) -> None:
    """By id in place of a profile."""
    with Client(server.url) as client, pytest.raises(CallError, match="store") as caught:
        client.explain("churn", customer_id=12)

    assert caught.value.status == 404


def test_missing_values_are_null() -> None:
    """NaN and NaT in pandas, NaN in polars."""
    frame = pd.DataFrame({"customer_id": [7], "x": [float("nan")], "t": [pd.NaT]})

    assert list(profiles_of(frame)) == [{"customer_id": "7", "features": {"x": None, "t": None}}]
    assert next(profiles_of(pl.DataFrame({"customer_id": ["a"], "x": [float("nan")]})))["features"] == {"x": None}
    with pytest.raises(ValueError, match="ids"):
        list(profiles_of(frame, "client"))


@contextmanager
def scripted(*answers: tuple[int, dict[str, str]]) -> Iterator[tuple[str, list[float]]]:
    """A server that gives these answers in turn, then a good one; and when it was asked."""
    asked: list[float] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            asked.append(datetime.now(UTC).timestamp())
            status, headers = left.pop(0) if left else (200, {})
            body = b'{"results": []}' if status == 200 else b'{"detail": "Too busy.", "request_id": "r"}'
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}", asked
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def test_a_busy_server_is_asked_again_when_it_says() -> None:
    """After a 503 and a 429, no sooner than Retry-After, which may be seconds or a date."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)

    with scripted((503, {"retry-after": "1"}), (429, {"retry-after": date})) as (url, asked), Client(url) as client:
        assert client.scores([{"customer_id": "a", "features": {}}]) == []

    assert len(asked) == 3
    assert asked[1] - asked[0] >= 1


def test_patience_ends() -> None:
    """After the last retry, or at once where the server asks for a longer wait than a minute."""
    with scripted(*[(503, {"retry-after": "0"})] * 3) as (url, asked), Client(url, retries=1) as client:
        with pytest.raises(CallError, match="Too busy"):
            client.scores([{"customer_id": "a", "features": {}}])
        assert len(asked) == 2
    with scripted((429, {"retry-after": "3600"})) as (url, asked), Client(url) as client:
        with pytest.raises(CallError) as caught:
            client.scores([{"customer_id": "a", "features": {}}])
        assert (caught.value.status, len(asked)) == (429, 1)


def test_a_server_that_is_not_there_is_named_so() -> None:
    """As an error of the client's own kind, with status 0."""
    with Client(f"http://127.0.0.1:{free_port()}", retries=1) as client, pytest.raises(CallError) as caught:
        client.explain("churn", {"customer_id": "a", "features": {}})

    assert caught.value.status == 0
