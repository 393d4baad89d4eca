"""How a customer answers what is sent to them: the share of sends that are answered in time, and how soon.

An answer counts for the latest send at its moment or before it. A send is looked at once its hours have passed by the
cutoff: by then all that could answer it in time is known, and what is said of it never changes with what comes later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from features.config.use_case import LogUseCase
from features.history.event_log import Log
from features.point_in_time.declared_counts import type_of
from features.sources.engine import frame
from features.spec.feature import CUSTOMER_ID, DataNote, Feature
from features.spec.raw_events import ReactivityDefinition

FAMILY = "reactivity"
SENDS, ANSWERED, MEDIAN = "reactivity_sends", "reactivity_answered", "reactivity_delay"  # columns of `count_answers`
HOUR = 3_600_000_000  # microseconds
PRIOR = 5  # sends that every customer's share begins with, answered at the rate of all
_CUTOFF, _SENT = "__until", "__sent"
_NONE = -1  # no type's code


@dataclass(frozen=True, slots=True)
class DeclaredReactivity:
    """Sends and their answers in the words of the log, and how often all customers' sends were answered."""

    send: str  # slug
    answers: tuple[str, ...]  # slugs
    within: int  # hours
    window: int  # days
    sends: int = 0  # of all customers, by when the features are settled
    answered: int = 0  # of these

    @property
    def types(self) -> tuple[str, ...]:
        """The types of events that it is made of."""
        return (self.send, *self.answers)

    @property
    def prior(self) -> float:
        """How many of `PRIOR` sends are taken to be answered, above 0 and below all of them (Laplace's rule)."""
        return round(PRIOR * (self.answered + 1) / (self.sends + 2), 6)

    @property
    def share(self) -> Feature:
        """The share of sends answered in time, shrunk towards that of all customers; its hours are its subject."""
        return Feature(
            "reactivity_share", "number", FAMILY, "share", lower=0.0, upper=1.0, event=self.send,
            window_days=self.window, subject=str(self.within),
        )  # fmt: skip

    @property
    def median(self) -> Feature:
        """The median hours to the first answer, of sends answered in time; null where none was."""
        return Feature(
            "reactivity_median_hours", "number", FAMILY, "hours", lower=0.0, upper=float(self.within), event=self.send,
            window_days=self.window, subject=str(self.within),
        )  # fmt: skip

    @property
    def definition(self) -> ReactivityDefinition:
        """As a bundle has it."""
        return {
            "send": self.send,
            "answer": list(self.answers),
            "within_hours": self.within,
            "window_days": self.window,
            "prior_sends": PRIOR,
            "prior_answered": self.prior,
        }

    @property
    def note(self) -> DataNote:
        """What a report says of it."""
        figures = {"answered": self.answered, "sends": self.sends, "hours": self.within, "prior": PRIOR}
        detail = (
            f"{self.answered:,} of {self.sends:,} sends were answered within {self.within} hours; "
            f"every customer's share begins with {PRIOR} sends at that rate"
        )
        return DataNote("reactivity", detail, figures)


def declared_reactivity(
    use_case: LogUseCase, log: Log, known: ir.Table, before: ir.Value, types: Mapping[str, str | int]
) -> DeclaredReactivity | None:
    """The reactivity of a use case, how often sends were answered counted in the events `known` before a moment."""
    if (stated := use_case.reactivity) is None:
        return None
    answers = tuple(type_of(kind, log) for kind in stated.answer)
    declared = DeclaredReactivity(type_of(stated.send, log), answers, stated.within, use_case.window.observation)
    rows = known.mutate(refund=known.refund.fill_null(False) | (known.amount < 0).fill_null(False), until=before)
    whole = _sends(rows, declared, types, "until")
    sends, answered = frame(whole.aggregate(sends=whole.count(), answered=_in_time(whole, declared).sum())).row(0)
    return DeclaredReactivity(declared.send, answers, declared.within, declared.window, int(sends), int(answered or 0))


def count_answers(
    known: ir.Table, declared: DeclaredReactivity, types: Mapping[str, str | int], cutoff: str
) -> ir.Table:
    """By customer, sends of the window whose hours have passed, those answered in time, and the median delay in us.

    `known` are events before the moment in their column `cutoff`, refunds marked; `types` is each slug in them.
    """
    sends = _sends(known, declared, types, cutoff)
    sends = sends.filter(sends.age <= declared.window * 24 * HOUR)
    answered = _in_time(sends, declared)
    delays = ibis.ifelse(answered, sends.delay, None)  # `where` of a median is more than Spark can do
    return sends.group_by(CUSTOMER_ID).aggregate(
        **{SENDS: sends.count(), ANSWERED: sends.count(where=answered), MEDIAN: delays.median()}
    )


def _in_time(sends: ir.Table, declared: DeclaredReactivity) -> ir.Value:
    return (sends.delay < declared.within * HOUR).fill_null(False)


def _sends(known: ir.Table, declared: DeclaredReactivity, types: Mapping[str, str | int], cutoff: str) -> ir.Table:
    """A row for each send whose hours have passed: its age and the delay of its first answer, in microseconds.

    What is sent at one moment is one send. The delay is null where no answer came before the next send.
    """
    send, *answers = (types.get(kind, _NONE) for kind in declared.types)
    rows = known.filter(known.type.isin([send, *answers]), ~known.refund)
    moments = rows.group_by(CUSTOMER_ID, "ts").aggregate(
        **{_SENT: (rows.type == send).any(), "answers": rows.type.isin(answers).any(), _CUTOFF: rows[cutoff].max()}
    )
    so_far = ibis.range_window(group_by=moments[CUSTOMER_ID], order_by=moments.ts, preceding=None, following=0)
    stepped = moments.mutate(sent_at=ibis.ifelse(moments[_SENT], moments.ts, None).max().over(so_far))
    stepped = stepped.filter(stepped.sent_at.notnull())
    stepped = stepped.mutate(
        age=stepped[_CUTOFF].delta(stepped.sent_at, unit="microsecond"),
        wait=stepped.ts.delta(stepped.sent_at, unit="microsecond"),
    )
    ripe = stepped.filter(stepped.age >= declared.within * HOUR)
    return ripe.group_by(CUSTOMER_ID, "sent_at").aggregate(age=ripe.age.max(), delay=ripe.wait.min(where=ripe.answers))
