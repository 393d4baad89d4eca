"""The segments' page: the hierarchy, its rules, sizes, outcomes, reasons and scores inside, and audiences to export."""

from __future__ import annotations

from starlette.requests import Request

from scoring.segments.policy import LEVELS, Policy, Segment
from serving.console.charts.svg import histogram
from serving.console.pages import audience
from serving.console.views.segment_changes import report_of
from serving.console.views.segment_sizes import sizes
from serving.console.web import forms
from serving.console.web.i18n import Texts
from serving.console.web.render import language_of, page
from serving.http.reply import Reply
from serving.worker.request_context import CONTEXT


async def segments(request: Request) -> Reply:
    """GET /console/segments; POST counts the audience of one of them."""
    snapshot, home, language = CONTEXT.get().snapshot, CONTEXT.get().runtime.settings.home, language_of(request)
    posted = await forms.fields(request) if request.method == "POST" else {}
    counted = (await audience.prepare(posted, write=False))[0] if posted else None
    policy, served = snapshot.policy, snapshot.served
    known = sizes(home, policy)
    state = audience.export_state(known)
    facts = {
        "here": "segments",
        "policy": policy,
        "policy_refusal": snapshot.policy_refusal,
        "levels": {level: ordered(policy, level) for level in LEVELS if ordered(policy, level)},
        "unread": [name for name in policy.use_cases if name not in served],
        "sizes": known,
        "report": report_of(home, policy, served, Texts(language)),
        "histograms": {name: histogram(live.release.bundle.boundaries.tolist()) for name, live in served.items()},
        "live": served,
        "export": state,
        "formats": audience.formats_of(state),
        "asked": posted,
        "counted": counted,
    }
    return page("segments.html", language, facts)


def ordered(policy: Policy, level: int) -> list[Segment]:
    """The segments of a level in the order their rules are tried."""
    return [segment for segment in policy.ordered if segment.level == level]
