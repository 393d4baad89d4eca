"""A customer's earlier scores by the decisions log, or why they are not shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from scoring.privacy.suppression import SuppressionError
from serving.console.views.customer_rows import Labels
from serving.console.web.i18n import Texts
from serving.customers.decision_log import latest_of
from serving.customers.kept import DecisionLine
from serving.worker.request_context import CONTEXT, RequestContext

MOST = 10
SCOPE = "admin"  # as POST /v1/customers/export asks for, which answers the same


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One score of one use case, with the labels its codes have today; a code that is no more keeps its own name."""

    at: str  # ISO date or moment
    use_case: str
    score: float  # 0..100
    band: str
    segment: str  # empty where in none
    version: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """The newest scores first; or the key of a text that says why there are none."""

    why: str | None = None
    lines: Sequence[ScoreLine] = ()


def earlier(customer_id: str | None, texts: Texts) -> Earlier:
    """What may be shown of a customer's earlier scores; it reads files, so never on the loop that answers."""
    context = CONTEXT.get()
    if not context.runtime.decisions.on:
        return Earlier("earlier_off")
    if context.key is not None and SCOPE not in context.key.scopes:
        return Earlier("earlier_scope")
    if customer_id is None:
        return Earlier("earlier_nameless")
    try:
        lines = latest_of(context.runtime.settings.home, customer_id, MOST)
    except (sqlite3.Error, SuppressionError):
        return Earlier("earlier_unreadable")
    if lines is None:
        return Earlier("earlier_opted_out")
    return Earlier(None if lines else "earlier_none", [_labelled(line, context, texts) for line in lines])


def _labelled(line: DecisionLine, context: RequestContext, texts: Texts) -> ScoreLine:
    labels = Labels(context, context.snapshot.served.get(line["use_case"]), texts)
    band, segment = labels.band(line["band"]), labels.segment(line["segment"])
    return ScoreLine(line["at"], line["use_case"], line["score"], band, segment, line["model_version"])
