"""A file of customers scored in the console: posted as a CSV, shown as a table, saved as one; none of it is kept."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import tempfile
from pathlib import Path

from starlette.requests import Request

from features.spec.feature import CUSTOMER_ID
from scoring.privacy.suppression import SuppressionError
from serving.api.use_case_document import example
from serving.console.pages import audience
from serving.console.views.named_features import measures
from serving.console.views.scored_file import MOST_BYTES, MOST_ROWS, ScoredFile, UploadError, file_table, scored_file
from serving.console.web import forms
from serving.console.web.i18n import Texts
from serving.console.web.render import language_of, page
from serving.http.problems import BAD_REQUEST, INVALID, NOT_READY, STORE_DOWN, UNKNOWN_USE_CASE, Problem
from serving.http.reply import Reply
from serving.worker.request_context import CONTEXT

FORMATS = ("excel-fr", "csv")
SHOWN = 100  # rows on the page; the file has all


async def customers_file(request: Request) -> Reply:
    """GET and POST /console/customers-file: the form, and the rows of a file it posted."""
    texts = Texts(language_of(request))
    content = await forms.uploaded(request) if request.method == "POST" else b""
    scored, broken = None, None
    if request.method == "POST":
        try:
            scored = await _scored(content, texts)
        except UploadError as error:
            broken = error_text(error, texts)
    facts = {
        "here": "customer",
        "live": CONTEXT.get().snapshot.served,
        "limits": {"rows": MOST_ROWS, "megabytes": MOST_BYTES >> 20},
        "scored": scored,
        "measures": measures(CONTEXT.get().snapshot.served, texts) if scored else {},
        "broken": broken,
        "shown": SHOWN,
        "formats": FORMATS,
        "content": base64.b64encode(content).decode() if scored else "",
    }
    return page("customers_file.html", texts.language, facts, status=INVALID.status if broken else 200)


async def save(request: Request) -> Reply:
    """POST /console/scored-file: the same rows as a file.

    Raises:
        Problem: 400 for another form or what is no file, 422 for one that is none of customers.
    """
    texts, posted = Texts(language_of(request)), await forms.fields(request)
    format_ = posted.get("format", FORMATS[0])
    if format_ not in FORMATS:
        raise Problem(BAD_REQUEST, "A table leaves in one of the forms offered.")
    try:
        content = base64.b64decode(posted.get("file", ""), validate=True)
        scored = await _scored(content, texts)
    except binascii.Error:
        raise Problem(BAD_REQUEST, "The form must carry the file that was shown.") from None
    except UploadError as error:
        raise Problem(INVALID, error_text(error, Texts("en"))) from None
    ending, kind = audience.FORMATS[format_]
    written = await CONTEXT.get().runtime.work(lambda: _written(scored, format_, texts))
    return _saved(written, f"scores{ending}", kind)


async def example_file(request: Request) -> Reply:
    """GET /console/example-file: a CSV with a use case's columns and one made-up customer, to be filled in.

    Raises:
        Problem: 404 for what is no use case in service.
    """
    served = CONTEXT.get().snapshot.served
    live = served.get(request.query_params.get("use_case", ""))
    if live is None:
        raise Problem(UNKNOWN_USE_CASE, f"A use case must be one of those served ({', '.join(served) or 'none yet'}).")
    profile = example(live)["profiles"][0]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([CUSTOMER_ID, *profile["features"]])
    writer.writerow([profile["customer_id"], *("" if one is None else one for one in profile["features"].values())])
    name = f"{live.release.bundle.name}-example.csv"
    return _saved(text.getvalue().encode("utf-8-sig"), name, b"text/csv; charset=utf-8")


async def _scored(content: bytes, texts: Texts) -> ScoredFile:
    context = CONTEXT.get()
    if not context.snapshot.served:
        raise Problem(NOT_READY, "No release is being served; /readyz says why.")
    try:
        return await context.runtime.work(lambda: scored_file(context, content, texts))
    except SuppressionError:
        raise Problem(STORE_DOWN, "The suppression list cannot be read now, so nobody is scored.") from None


def error_text(error: UploadError, texts: Texts) -> str:
    """What is wrong with a file, in the words of the language; names of columns are those of the use case."""
    parts = {name: texts.list(part) if isinstance(part, list) else part for name, part in error.parts.items()}
    return texts.of(error.key, **parts)


def _written(scored: ScoredFile, format_: str, texts: Texts) -> bytes:
    from scoring.audiences.export_formats import write_audience  # only a server that is asked for one needs pyarrow

    with tempfile.TemporaryDirectory() as folder:
        write_audience(file_table(scored, texts), target := Path(folder) / "scores", format_)
        return target.read_bytes()


def _saved(content: bytes, name: str, kind: bytes) -> Reply:
    return Reply(200, content, kind, [(b"content-disposition", f'attachment; filename="{name}"'.encode())])
