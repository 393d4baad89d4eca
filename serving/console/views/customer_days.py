"""A customer day by day: scores and segment of each day kept, and why they moved between the last two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scoring.privacy.suppression import SuppressionError
from serving.console.views.customer_rows import SCOPE, Labels
from serving.console.views.event_periods import EventLine, event_lines
from serving.console.views.score_history import ScoreLine
from serving.console.web.i18n import Texts
from serving.worker.request_context import RequestContext

if TYPE_CHECKING:
    from scoring.population.customer_history import CustomerHistory, KeptDay

MOST = 12  # days


@dataclass(frozen=True, slots=True)
class CustomerDays:
    """The newest day first; or the key of a text that says why there is none."""

    why: str | None = None
    lines: Sequence[ScoreLine] = ()
    moves: Sequence[tuple[str, str]] = ()  # use case, and what moved it in words
    events: Sequence[EventLine] = ()  # up to the latest day


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
        history = histories(context.runtime.settings.home, [customer_id])[0]
        shown = history.days[-MOST:][::-1]
        lines = [line for day in shown for line in _lines(context, day, texts)]
        moves = list(_moves(context, customer_id, history.days, texts))
        return CustomerDays(None if lines else "days_none", lines, moves, _events(context, history, texts))
    except (PopulationError, SuppressionError, ContactsUnreadableError, OSError):
        return CustomerDays("customers_unreadable")


def _events(context: RequestContext, history: CustomerHistory, texts: Texts) -> list[EventLine]:
    """Each kind of event once, by the first use case that counts it."""
    found: dict[str, EventLine] = {}
    for name, values in history.features.items():
        if name in context.snapshot.served:
            features = context.snapshot.served[name].release.bundle.features
            for line in event_lines(features, values, history.days[-1].as_of, texts):
                found.setdefault(line.several, line)
    return list(found.values())


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
