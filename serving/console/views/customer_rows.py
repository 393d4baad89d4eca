"""A page of the day's customers as a person reads it: labels, reasons in words, and what each filter would leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import urlencode

from msgspec import UNSET

from scoring.answers.served_release import Live
from scoring.reasons.reasons import is_favourable
from scoring.reasons.sentences import text_of
from serving.console.web.i18n import Texts
from serving.worker.request_context import RequestContext

if TYPE_CHECKING:
    from scoring.population.customer_pages import CustomersPage, RankedCustomer, RankedReason

PAGE = 50  # customers
Order = Literal["-score", "score", "customer_id", "refresh", "-value"]
ORDERS: tuple[Order, ...] = get_args(Order)
SCOPE = "customers"  # as GET /v1/customers asks for, which answers the same


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked of the list; an empty text is no filter."""

    use_case: str = ""
    segment: str = ""
    band: str = ""
    reason: str = ""
    order: Order = "-score"
    cursor: str = ""
    contains: str = ""  # a part of an id
    value: str = ""  # a band of value, from 1, the least

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Filters:
        """The filters of an address or a form, without the blanks around."""
        own = {name: given.get(name, "").strip() for name in cls.__slots__ if name != "order"}
        order = next((one for one in ORDERS if one == given.get("order")), ORDERS[0])
        return cls(**own, order=order)

    def address(self, **other: str) -> str:
        """The query of the same list but for what is named; the part of an id is never in it."""
        names = ("use_case", "segment", "band", "reason", "order", "cursor", "value")
        wanted = {**{name: getattr(self, name) for name in names}, "cursor": "", **other}
        return urlencode({name: value for name, value in wanted.items() if value})


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """One value of a filter and how many customers it would leave."""

    code: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class ReasonInWords:
    """One of the strongest reasons of a score."""

    text: str
    raises: bool
    favourable: bool


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One customer of the list."""

    customer_id: str
    segment: str  # its label; empty where in none
    status: str
    score: float | None = None  # 0..100
    percentile: int | None = None
    band: str = ""  # its label
    reasons: Sequence[ReasonInWords] = ()
    action: str = ""  # the next step of the band, else of the segment; empty where none is stated
    uplift: float | None = None  # what a contact adds to the probability, where the day says it
    value: float | None = None  # what they will bring, likewise
    known: str = ""  # how much of their own data is there, in words, where the list is of gaps


@dataclass(frozen=True, slots=True)
class CustomersView:
    """The page; with `refusal`, the key of a text that says why there is none."""

    asked: Filters  # its use case is one of the day's
    refusal: str | None = None
    use_cases: Sequence[str] = ()
    as_of: str = ""
    in_service: datetime | None = None  # the day that serves; None on a page of a cursor, which may be of another
    total: int = 0
    everybody: int = 0  # of the day, whatever is asked
    by_uplift: bool = False  # whether a list of the use case is chosen by it
    valued: bool = False  # whether the day says what customers will bring
    to_refresh: int = 0  # of the day, whose own data have gaps
    rows: Sequence[CustomerRow] = ()
    following: str | None = None  # the cursor of the next page
    segments: Sequence[FilterChoice] = ()
    bands: Sequence[FilterChoice] = ()
    reasons: Sequence[FilterChoice] = ()


def customer_rows(context: RequestContext, asked: Filters, texts: Texts) -> CustomersView:
    """What the page shows; reads the day's index, so never on the loop that answers."""
    from scoring.population.cursors import CursorError  # only a server that is asked for customers needs pyarrow
    from scoring.population.customer_pages import DayGoneError, QueryError
    from scoring.population.days import PopulationError
    from scoring.privacy.suppression import SuppressionError

    if context.key is not None and SCOPE not in context.key.scopes:
        return CustomersView(asked, "customers_scope")
    try:
        return _listed(context, asked, texts)
    except (QueryError, CursorError, DayGoneError):
        return CustomersView(asked, "customers_changed")
    except PopulationError:
        return CustomersView(asked, "customers_none")
    except (SuppressionError, OSError):
        return CustomersView(asked, "customers_unreadable")


def _listed(context: RequestContext, asked: Filters, texts: Texts) -> CustomersView:
    from scoring.population.cursors import read_cursor
    from scoring.population.customer_pages import CustomerQuery
    from scoring.population.ranked import open_index

    after = read_cursor(asked.cursor) if asked.cursor else None
    index = open_index(context.runtime.settings.home, after.as_of if after else None)
    known = [name for name in index.use_cases if name in context.snapshot.served]
    asked = asked if asked.use_case in known else replace(asked, use_case=next(iter(known), ""))
    order = asked.order if known or asked.order == "refresh" else "customer_id"
    valued = bool(index.value_floors(asked.use_case))
    if order == "-value" and not valued:
        order = "-score"
    query = CustomerQuery(
        asked.use_case or None,
        asked.segment or None,
        asked.band or None,
        asked.reason or None,
        order,
        int(asked.value) if asked.value.isdecimal() and valued else UNSET,
    )
    if asked.contains:
        page = index.search(asked.contains, limit=PAGE, after=after)
    else:
        page = index.page(query, limit=PAGE, after=after)
    counts = index.counts(query)
    labels = Labels(context, context.snapshot.served.get(asked.use_case), texts)
    return CustomersView(
        asked,
        use_cases=known,
        as_of=index.as_of.isoformat(),
        in_service=None if after else index.as_of,
        total=page.total,
        everybody=index.counts(CustomerQuery()).total,
        by_uplift=index.good_uplift(asked.use_case) is not None,
        valued=valued,
        to_refresh=index.to_refresh or 0,
        rows=_rows(page, asked, labels),
        following=str(page.next) if page.next else None,
        segments=[FilterChoice(code, labels.segment(code), count) for code, count in counts.segments.items()],
        bands=[FilterChoice(code, labels.band(code), count) for code, count in counts.bands.items()],
        reasons=[FilterChoice(code, family(code, texts), count) for code, count in counts.reasons.items() if count],
    )


def _rows(page: CustomersPage, asked: Filters, labels: Labels) -> list[CustomerRow]:
    rows = [labels.row(customer, asked.use_case) for customer in page.customers]
    if asked.order != "refresh":
        return rows
    return [
        replace(row, known=labels.texts.of("cells_known", known=cells.expected - cells.missing, n=cells.expected))
        for row, cells in zip(rows, page.profiles, strict=True)
    ]


def family(code: str, texts: Texts) -> str:
    """What reasons of a code have in common; a group of the use case's own is called as it calls it."""
    key = f"family_{code}"
    text = texts.named(key)
    return code.replace("_", " ") if text == key else text


@dataclass(frozen=True, slots=True)
class Labels:
    """The words for codes, as the policy and the release in service have them."""

    context: RequestContext
    live: Live | None
    texts: Texts

    def segment(self, code: str | None) -> str:
        """A segment's; the code itself of one that is no more, nothing for none."""
        known = self.context.snapshot.policy.by_code.get(code or "")
        return known.labels[self.texts.language] if known else code or ""

    def band(self, code: str | None) -> str:
        """A band's, likewise."""
        bands = self.live.bands[self.texts.language] if self.live else []
        return next((band["label"] for band in bands if band["code"] == code), code or "")

    @property
    def states_actions(self) -> bool:
        """Whether a band or a segment says what to do next: a list has the column then, whoever is on it."""
        return self.context.snapshot.policy.states_actions or bool(self.live and self.live.states_actions)

    def action(self, band: str | None, segment: str | None) -> str:
        """The next step with a customer: their band's, else their segment's; nothing where neither states one."""
        language = self.texts.language
        bands = self.live.bands[language] if self.live else []
        of_band = next((one.get("action") for one in bands if one["code"] == band), None)
        known = self.context.snapshot.policy.by_code.get(segment or "")
        return of_band or (known.guidance.action.get(language, "") if known else "")

    def row(self, customer: RankedCustomer, use_case: str) -> CustomerRow:
        """A customer as the list shows them, by one use case."""
        segment = self.segment(customer.segment)
        score = customer.scores.get(use_case)
        if score is None or self.live is None:
            return CustomerRow(customer.customer_id, segment, "not_covered")
        if score.status != "scored":
            return CustomerRow(customer.customer_id, segment, score.status)
        reasons = [self._reason(reason, self.live) for reason in score.reasons]
        band = self.band(score.band)
        shown = (score.status, score.score, score.percentile, band, reasons)
        action = self.action(score.band, customer.segment)
        uplift = None if score.uplift is UNSET else score.uplift
        value = None if score.value is UNSET else score.value
        return CustomerRow(customer.customer_id, segment, *shown, action, uplift, value)

    def _reason(self, reason: RankedReason, live: Live) -> ReasonInWords:
        bundle, language = live.release.bundle, self.texts.language
        text = text_of(bundle, reason.feature, reason.value, language)
        return ReasonInWords(
            self.texts.kept_together(text),
            reason.contribution >= 0,
            is_favourable(reason.contribution, bundle.polarity),
        )
