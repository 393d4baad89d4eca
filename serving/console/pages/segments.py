"""The segments' page: sizes and moves of the day, rules, outcomes, reasons and scores inside, audiences to export."""

from __future__ import annotations

import tempfile
from pathlib import Path

from starlette.requests import Request

from scoring.segments.policy import LEVELS, Policy, Segment
from serving.console.charts.svg import histogram
from serving.console.pages import audience
from serving.console.views.rule_words import rule_words
from serving.console.views.segment_board import SegmentBoard, board_table, segment_board
from serving.console.views.segment_changes import report_of
from serving.console.views.segment_sizes import sizes
from serving.console.web import forms
from serving.console.web.i18n import Texts
from serving.console.web.render import called, language_of, page
from serving.http.problems import BAD_REQUEST, NO_POPULATION, Problem
from serving.http.reply import Reply
from serving.worker.request_context import CONTEXT

TABLE_FORMATS = ("excel-fr", "csv")


async def segments(request: Request) -> Reply:
    """GET /console/segments; POST counts the audience of one of them."""
    context, language = CONTEXT.get(), language_of(request)
    snapshot, home, texts = context.snapshot, context.runtime.settings.home, Texts(language)
    posted = await forms.fields(request) if request.method == "POST" else {}
    counted = (await audience.prepare(posted, write=False))[0] if posted else None
    policy, served = snapshot.policy, snapshot.served
    known = sizes(home, policy)
    state = audience.export_state(known)
    facts = {
        "here": "segments",
        "policy": policy,
        "policy_refusal": snapshot.policy_refusal,
        "board": await context.runtime.work(lambda: segment_board(context, texts)),
        "table_formats": TABLE_FORMATS,
        "levels": {level: ordered(policy, level) for level in LEVELS if ordered(policy, level)},
        "words": {one.code: rule_words(one.rule, served, texts) for one in policy.ordered},
        "stays": {one.code: rule_words(one.stay, served, texts) for one in policy.ordered if one.stay},
        "readers": [called(name, served, language) for name in policy.use_cases],
        "unread": [name for name in policy.use_cases if name not in served],
        "sizes": known,
        "report": report_of(home, policy, served, texts),
        "histograms": {name: histogram(live.release.bundle.boundaries.tolist()) for name, live in served.items()},
        "live": served,
        "export": state,
        "formats": audience.formats_of(state),
        "asked": posted,
        "counted": counted,
    }
    return page("segments.html", language, facts)


async def table(request: Request) -> Reply:
    """GET /console/segment-table: the day's segments and figures as a file.

    Raises:
        Problem: 400 for another form, 409 where no day can be read.
    """
    context, texts = CONTEXT.get(), Texts(language_of(request))
    format_ = request.query_params.get("format", TABLE_FORMATS[0])
    if format_ not in TABLE_FORMATS:
        raise Problem(BAD_REQUEST, "A table leaves in one of the forms offered.")
    board = await context.runtime.work(lambda: segment_board(context, texts))
    if board is None:
        raise Problem(
            NO_POPULATION, "The day in service must be placed by the segments in service: run `penchant run`."
        )
    content = await context.runtime.work(lambda: _file(board, format_, texts))
    ending, kind = audience.FORMATS[format_]
    name = f"segments-{board.as_of}{ending}"
    return Reply(200, content, kind, [(b"content-disposition", f'attachment; filename="{name}"'.encode())])


def _file(board: SegmentBoard, format_: str, texts: Texts) -> bytes:
    from scoring.audiences.export_formats import write_audience  # only a server that is asked for one needs pyarrow

    with tempfile.TemporaryDirectory() as folder:
        write_audience(board_table(board, texts), target := Path(folder) / "table", format_)
        return target.read_bytes()


def ordered(policy: Policy, level: int) -> list[Segment]:
    """The segments of a level in the order their rules are tried."""
    return [segment for segment in policy.ordered if segment.level == level]
