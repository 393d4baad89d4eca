"""The population over HTTP: pages of customers, searches by a part of an id, and histories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec import UNSET

from scoring.audiences.pressure.pressure_rules import PressureError
from scoring.encoding.notes import Note
from scoring.population.cursors import CursorError, read_cursor
from scoring.population.customer_pages import (
    ContactsUnreadableError,
    CustomerQuery,
    CustomersPage,
    DayGoneError,
    NoPopulationError,
    QueryError,
    StaleDayError,
)
from scoring.population.days import PopulationError, days_of
from scoring.privacy.suppression import SuppressionError
from serving.api.answers import CustomersListed, CustomersLookedUp
from serving.http.pointers import pointer
from serving.http.problems import (
    BAD_PARAMETER,
    INVALID,
    NO_PAGE,
    NO_POPULATION,
    STORE_DOWN,
    TOO_OLD,
    Problem,
    ProblemKind,
    retry_after,
)
from serving.http.reply import Reply, json_reply
from serving.requests.population_models import (
    PageParameters,
    lookup_request,
    page_parameters,
    search_request,
)
from serving.telemetry import logs
from serving.worker.request_context import RequestContext

Answer = TypeVar("Answer")
UNREADABLE = (PopulationError, SuppressionError, ContactsUnreadableError, PressureError, OSError)


async def answer_customers(pairs: Sequence[tuple[str, str]], context: RequestContext) -> Reply:
    """GET /v1/customers, by the parameters of the address.

    Raises:
        Problem: The request cannot be answered.
    """
    asked = page_parameters(pairs)
    query = CustomerQuery(
        asked.use_case, asked.segment, asked.band, asked.reason, asked.order, cluster=asked.cluster or UNSET
    )
    return await in_population(lambda: _page_of(query, asked, context), context, BAD_PARAMETER)


async def answer_search(body: Any, context: RequestContext) -> Reply:
    """POST /v1/customers/search.

    Raises:
        Problem: The request cannot be answered.
    """
    asked = search_request(body)

    def searched() -> Reply:
        from scoring.population.ranked import open_index  # with pyarrow, which few servers need

        after = read_cursor(asked.cursor) if asked.cursor else None
        index = open_index(context.runtime.settings.home, after.as_of if after else None)
        found = index.search(asked.contains, limit=asked.limit, after=after)
        context.record("look", [one.customer_id for one in found.customers], via="api", about={"route": "search"})
        return _listed(index.as_of, found, context)

    return await in_population(searched, context, INVALID)


async def answer_lookup(body: Any, context: RequestContext) -> Reply:
    """POST /v1/customers/lookup.

    Raises:
        Problem: The request cannot be answered.
    """
    customers, language = lookup_request(body)
    context.rows = len(customers)

    def looked_up() -> Reply:
        from scoring.population.history import histories

        if not days_of(context.runtime.settings.home):
            raise NoPopulationError(
                "A home must have a population to look customers up: run `penchant run`, it has none."
            )
        context.record("look", customers, via="api", about={"route": "lookup"})
        found = histories(context.runtime.settings.home, customers, context.snapshot.served, language)
        answer: CustomersLookedUp = {"customers": found}
        return json_reply(answer)

    return await in_population(looked_up, context, INVALID)


def _page_of(query: CustomerQuery, asked: PageParameters, context: RequestContext) -> Reply:
    from scoring.population.ranked import open_index

    after = read_cursor(asked.cursor) if asked.cursor else None
    index = open_index(context.runtime.settings.home, after.as_of if after else None)
    return _listed(index.as_of, index.page(query, limit=asked.limit, after=after), context)


def _listed(as_of: datetime, page: CustomersPage, context: RequestContext) -> Reply:
    context.rows = len(page.customers)
    after = None if page.next is None else str(page.next)
    answer: CustomersListed = {"as_of": iso(as_of), "total": page.total, "customers": page.customers, "next": after}
    return json_reply(answer)


def iso(moment: datetime) -> str:
    """A moment in UTC, to the second."""
    return moment.isoformat().replace("+00:00", "Z")


async def in_population(call: Callable[[], Answer], context: RequestContext, kind: ProblemKind) -> Answer:
    """What a call answers that reads the days of the home, which is never done on the loop.

    Args:
        call: What reads and answers.
        context: The request.
        kind: The problem where the day does not have what was asked for.

    Raises:
        Problem: As the call met it.
    """
    return await context.in_thread(lambda: _answered(call, context, kind))


def _answered(call: Callable[[], Answer], context: RequestContext, kind: ProblemKind) -> Answer:
    try:
        return call()
    except NoPopulationError as error:
        raise Problem(NO_POPULATION, str(error)) from None
    except StaleDayError as error:
        raise Problem(TOO_OLD, str(error)) from None
    except (DayGoneError, CursorError) as error:
        raise Problem(NO_PAGE, str(error)) from None
    except QueryError as error:
        raise Problem(kind, str(error), errors=_broken(error, kind)) from None
    except UNREADABLE as error:
        logs.write("population_failed", level="error", request_id=context.request_id, **logs.fault(error))
        detail = "The days of the population, or what is kept of customers beside them, cannot be read now."
        raise Problem(STORE_DOWN, detail, headers=retry_after(5)) from None


def _broken(error: QueryError, kind: ProblemKind) -> list[Note]:
    """Every rule that is broken, with its place where it was posted."""
    notes: list[Note] = [
        {"code": "not_in_the_day", "field": name, "detail": rule} for name, rule in error.broken.items()
    ]
    return notes if kind is BAD_PARAMETER else [{**note, "pointer": pointer([note["field"]])} for note in notes]
