"""A customer day by day: scores and segment of each day kept, and why they moved between the last two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scoring.privacy.suppression import SuppressionError
from serving.console.views.customer_rows import SCOPE, Labels
from serving.console.views.score_history import ScoreLine
from serving.console.web.i18n import Texts
from serving.worker.request_context import RequestContext

if TYPE_CHECKING:
    from scoring.population.customer_history import KeptDay

MOST = 12  # days


@dataclass(frozen=True, slots=True)
class CustomerDays:
    """The newest day first; or the key of a text that says why there is none."""

    why: str | None = None
    lines: Sequence[ScoreLine] = ()
    moves: Sequence[tuple[str, str]] = ()  # use case, and what moved it in words


def customer_days(context: RequestContext, customer_id: str | None, texts: Texts) -> CustomerDays:
    """What may be shown of a customer's days; it reads files, so never on the loop that answers."""
    from scoring.population.customer_pages import ContactsUnreadableError  # few servers need pyarrow, which they bring
    from scoring.population.days import PopulationError
    from scoring.population.history import histories

    if context.key is not None and SCOPE not in context.key.scopes:
        return CustomerDays("customers_scope")
    if customer_id is None:
        return CustomerDays("earlier_nameless")
    try:
        days = histories(context.runtime.settings.home, [customer_id])[0].days
        shown = days[-MOST:][::-1]
        lines = [line for day in shown for line in _lines(context, day, texts)]
        return CustomerDays(None if lines else "days_none", lines, list(_moves(context, customer_id, days, texts)))
    except (PopulationError, SuppressionError, ContactsUnreadableError, OSError):
        return CustomerDays("customers_unreadable")


def _lines(context: RequestContext, day: KeptDay, texts: Texts) -> Iterator[ScoreLine]:
    for name, score in day.scores.items():
        if score.score is not None:
            labels = Labels(context, context.snapshot.served.get(name), texts)
            segment, version = labels.segment(day.segment), score.version or ""
            yield ScoreLine(day.as_of.date().isoformat(), name, score.score, labels.band(score.band), segment, version)


def _moves(context: RequestContext, customer: str, days: Sequence[KeptDay], texts: Texts) -> Iterator[tuple[str, str]]:
    """Between the last two days, of each use case that scored both; nothing of one that cannot be explained."""
    from scoring.population.days import day_name
    from scoring.population.moves import AskedMove, MoveError, customer_move

    if len(days) < 2:
        return
    first, last = days[-2:]
    for name in last.scores:
        if name not in first.scores or last.scores[name].score is None or first.scores[name].score is None:
            continue
        asked = AskedMove(name, customer, day_name(first.as_of), day_name(last.as_of), texts.language)
        try:
            move = customer_move(context.runtime.settings.home, asked, context.snapshot.served)
        except MoveError:
            continue  # its features are gone by age, or the release is: the scores stay
        yield name, texts.kept_together(move["text"])
