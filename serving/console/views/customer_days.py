"""A customer day by day and as of now: scores and segment of each, and why they moved between the last two days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from features.spec.feature import Row
from scoring.answers.prepared_profile import PreparedProfile
from scoring.answers.wire import Result
from scoring.privacy.suppression import SuppressionError
from serving.console.views.customer_rows import SCOPE, Labels
from serving.console.views.event_periods import EventLine, Values, event_lines
from serving.console.views.score_history import ScoreLine
from serving.console.web.i18n import Texts
from serving.worker.request_context import RequestContext

if TYPE_CHECKING:
    from scoring.population.customer_history import KeptDay

MOST = 12  # days


@dataclass(frozen=True, slots=True)
class LiveCustomer:
    """Features and scores as of one moment."""

    at: datetime  # UTC, the latest that any of the features speak of
    features: Mapping[str, Row]  # by use case
    answer: Result


@dataclass(frozen=True, slots=True)
class CustomerDays:
    """The newest first: now, where an event has moved the customer since the last day; or why there is none."""

    why: str | None = None
    lines: Sequence[ScoreLine] = ()
    moves: Sequence[tuple[str, str]] = ()  # use case, and what moved it in words
    events: Sequence[EventLine] = ()  # up to the latest of them


def live_customer(profile: Any, answer: Result) -> LiveCustomer | None:
    """A customer who was looked up by id; None of a posted profile, or of one of whom there is nothing to score."""
    if not isinstance(profile, PreparedProfile):
        return None
    moments = [profile.moments[name] for name in profile.features if name in profile.moments]
    return LiveCustomer(datetime.fromisoformat(max(moments)), profile.features, answer) if moments else None


def customer_days(
    context: RequestContext, customer_id: str | None, now: LiveCustomer | None, texts: Texts
) -> CustomerDays:
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
        latest = history.days[-1].as_of if history.days else None
        live = now if now is not None and (latest is None or now.at > latest) else None
        lines = [*_live_lines(context, live, texts), *(line for day in shown for line in _lines(context, day, texts))]
        moves = list(_moves(context, customer_id, history.days, texts))
        features, as_of = (live.features, live.at) if live else (history.features, latest)
        events = _events(context, features, as_of, texts) if as_of else []
        return CustomerDays(None if lines else "days_none", lines, moves, events)
    except (PopulationError, SuppressionError, ContactsUnreadableError, OSError):
        return CustomerDays("customers_unreadable")


def _events(
    context: RequestContext, features_of: Mapping[str, Values], as_of: datetime, texts: Texts
) -> list[EventLine]:
    """Each kind of event once, by the first use case that counts it."""
    found: dict[str, EventLine] = {}
    for name, values in features_of.items():
        if name in context.snapshot.served:
            features = context.snapshot.served[name].release.bundle.features
            for line in event_lines(features, values, as_of, texts):
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


def _live_lines(context: RequestContext, live: LiveCustomer | None, texts: Texts) -> Iterator[ScoreLine]:
    """A line for each use case that scored the customer; none where there is nothing live."""
    segment = live.answer["segment"] if live else None
    for name, score in live.answer["scores"].items() if live else ():
        if score["status"] == "scored" and "as_of" in score:
            labels = Labels(context, context.snapshot.served.get(name), texts)
            code = segment["code"] if segment else None
            yield ScoreLine(
                score["as_of"],
                name,
                score["score"],
                labels.band(score["band"]["code"]),
                labels.segment(code),
                score["model_version"],
            )
