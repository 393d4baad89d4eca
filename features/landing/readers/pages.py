"""Rows of an API that answers JSON page by page; its quota is kept, and what broke off goes on where it broke."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pyarrow as pa

from features.config.origins.addresses import Address
from features.config.origins.origin_sections import Origin
from features.errors import DataError, UseCaseError
from features.landing.lag import lagged
from features.landing.ports import RowsRead, SourceUnavailableError
from features.landing.readers.json_rows import Json, as_cells, next_of, rows_of
from features.spec.atomic import write_file

_TRIES, _LONGEST = 5, 600.0  # of one page; seconds that an API may ask us to wait
_GOES_ON = 3600.0  # seconds for which pages that came before a failure are used again
_AGAIN = (429, 502, 503, 504)


class PagedRows:
    """The rows of all pages, every cell as its text: what an amount was written like is kept."""

    def __init__(self, section: Origin, origin: Address, work: Path, landed: Sequence[str]) -> None:
        self._ingest, self._origin, self._work = section.ingest, origin, work
        self._landed = landed  # columns that landed before: what is new may lack the rare ones
        self._last = 0.0  # when the last request was made

    @contextmanager
    def read(self, watermark: str | None) -> Iterator[RowsRead]:
        """All rows, or those that may have come since a watermark; raises as every `RowSource`."""
        since = lagged(watermark, self._ingest) if watermark and self._ingest.since else None
        pages = self._fetched(since)
        columns = set(self._landed if since is not None else ())
        for page in pages:
            columns.update(name for row in _rows(page) for name in row)
        schema = pa.schema([(name, pa.string()) for name in sorted(columns)])
        yield RowsRead(schema, _batches(pages, schema), since)

    def _fetched(self, since: str | None) -> list[Path]:
        """A file for each page; those that came before a failure are asked for no more."""
        stated = json.dumps([self._origin.text, self._ingest.model_dump(mode="json"), since]).encode()
        folder = self._work / f"pages-{sha256(stated).hexdigest()[:16]}"
        folder.mkdir(exist_ok=True, mode=0o700)
        found = sorted(folder.glob("*.json"))
        if found and time.time() - found[-1].stat().st_mtime > _GOES_ON:
            for page in found:
                page.unlink()
            found = []
        address, seen = self._first(since), set[str]()
        if found:
            address = str(json.loads(found[-1].read_bytes())["next"] or "")
        with httpx.Client(timeout=30, follow_redirects=False, headers=self._headers()) as client:
            while address:
                if address in seen:
                    raise DataError(self._origin.redacted, ["a page must not name one that was read before"])
                seen.add(address)
                rows, following = self._page(client, address)
                page = folder / f"{len(found):06}.json"
                write_file(page, json.dumps({"next": following, "rows": rows}).encode(), mode=0o600)
                found.append(page)
                address = following or ""
        return found

    def _first(self, since: str | None) -> str:
        return self._origin.text if since is None else _with(self._origin.text, {self._ingest.since or "": since})

    def _headers(self) -> dict[str, str]:
        variable = self._ingest.key_env
        if variable is None:
            return {}
        if not (key := os.environ.get(variable)):
            raise UseCaseError(self._origin.redacted, [f"ingest.key_env: the variable {variable} must be set"])
        return {"authorization": f"Bearer {key}"}

    def _page(self, client: httpx.Client, address: str) -> tuple[list[dict[str, str | None]], str | None]:
        answer = self._asked(client, address)
        try:
            body: Json = json.loads(answer.content, parse_float=str, parse_int=str)
            rows = [as_cells(row) for row in rows_of(body, self._ingest.rows)]
        except (ValueError, UnicodeDecodeError) as failure:
            where = self._ingest.rows or "its top, data, items, results or rows"
            rule = f"a page must be JSON with a list of objects at {where}, got something else"
            raise DataError(self._origin.redacted, [rule]) from failure
        link = answer.links.get("next", {}).get("url")
        following = link or next_of(body, self._ingest.next)
        return rows, None if following is None else self._address_of(following, address)

    def _address_of(self, following: str, address: str) -> str:
        """The address of the next page, which is of the same origin: the key goes nowhere else."""
        if not (following.startswith("/") or "://" in following):
            return _with(address, {self._ingest.parameter: following})
        found = urljoin(address, following)
        if urlsplit(found)[:2] != urlsplit(self._origin.text)[:2]:
            raise DataError(self._origin.redacted, ["the next page must be of the same host, got another"])
        return found

    def _asked(self, client: httpx.Client, address: str) -> httpx.Response:
        """The answer, asked for again where the API says later."""
        got = "no answer"
        for attempt in range(_TRIES):
            self._keep_quota()
            pause = float(2**attempt)
            try:
                answer = client.get(address)
            except httpx.TransportError as failure:
                got = type(failure).__name__
            else:
                if answer.status_code == httpx.codes.OK:
                    self._rest(_until_reset(answer.headers))
                    return answer
                got = f"status {answer.status_code}"
                if answer.status_code not in _AGAIN:
                    break
                pause = _retry_after(answer.headers.get("retry-after")) or pause
            if attempt + 1 < _TRIES:
                self._rest(pause)
        raise SourceUnavailableError(self._origin.redacted, f"must answer with pages, got {got}")

    def _keep_quota(self) -> None:
        """Waits until another request is within the requests a minute."""
        if self._ingest.per_minute is not None:
            time.sleep(max(0.0, self._last + 60 / self._ingest.per_minute - time.monotonic()))
        self._last = time.monotonic()

    def _rest(self, seconds: float) -> None:
        if seconds > _LONGEST:
            rule = f"must be ready within {_LONGEST:.0f} seconds, asks to wait {seconds:.0f}"
            raise SourceUnavailableError(self._origin.redacted, rule)
        time.sleep(max(0.0, seconds))


def _retry_after(text: str | None) -> float | None:
    """The seconds that a Retry-After asks for: a number of them, or a moment."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _until_reset(headers: Mapping[str, str]) -> float:
    """Seconds until a quota that is used up is new; 0 where there is some left, or nobody says."""
    for prefix in ("ratelimit", "x-ratelimit"):
        left, reset = headers.get(f"{prefix}-remaining"), headers.get(f"{prefix}-reset")
        if left == "0" and reset is not None and reset.isdecimal():
            seconds = float(reset)
            return max(0.0, seconds - time.time()) if seconds > 1e9 else seconds
    return 0.0


def _with(address: str, values: Mapping[str, str]) -> str:
    return str(httpx.URL(address).copy_merge_params(dict(values)))


def _rows(page: Path) -> Sequence[dict[str, str | None]]:
    rows: Sequence[dict[str, str | None]] = json.loads(page.read_bytes())["rows"]
    return rows


def _batches(pages: Sequence[Path], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for page in pages:
        rows = _rows(page)
        columns = [pa.array([row.get(name) for row in rows], pa.string()) for name in schema.names]
        yield pa.record_batch(columns, schema=schema)
