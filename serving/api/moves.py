"""POST /v1/moves: why a customer's score and segment changed between two days of the population."""

from __future__ import annotations

from typing import Any

from scoring.answers.wire import Move, MoveAnswer
from scoring.encoding.notes import Note
from scoring.privacy.suppression import SuppressionError
from serving.api.handlers import served_by, unknown_use_case
from serving.http.pointers import pointer
from serving.http.problems import NO_MOVE, STORE_DOWN, Problem, retry_after
from serving.http.reply import Reply, json_reply
from serving.requests.models import MoveRequest, move_request
from serving.telemetry import logs
from serving.worker.request_context import RequestContext


async def answer_moves(body: Any, context: RequestContext) -> Reply:
    """POST /v1/moves; it reads the days of the home, so never on the loop.

    Raises:
        Problem: The request itself cannot be answered, or the days do not hold what was asked.
    """
    asked = move_request(body)
    served = served_by(context)
    if asked.use_case not in served:
        raise unknown_use_case(served, "use_case", ["/use_case"])
    context.rows = 1
    return await context.in_thread(lambda: _reply(asked, context))


def _reply(asked: MoveRequest, context: RequestContext) -> Reply:
    from scoring.population.days import PopulationError  # with pyarrow, which few servers need

    try:
        context.record("look", [asked.customer_id], via="api", about={"route": "moves"})
        move = _move(asked, context)
    except (PopulationError, SuppressionError, OSError) as error:
        logs.write("moves_failed", level="error", request_id=context.request_id, **logs.fault(error))
        detail = "The days of the population cannot be read now; ask again later."
        raise Problem(STORE_DOWN, detail, headers=retry_after(5)) from None
    answer: MoveAnswer = {"request_id": context.request_id, **move}
    return json_reply(answer)


def _move(asked: MoveRequest, context: RequestContext) -> Move:
    from scoring.population.moves import AskedMove, MoveError, customer_move

    whose = AskedMove(asked.use_case, asked.customer_id, asked.first, asked.last, asked.language)
    try:
        return customer_move(context.runtime.settings.home, whose, context.snapshot.served)
    except MoveError as error:
        errors: list[Note] = [
            {"code": note.code, "field": note.field, "detail": note.detail, "pointer": pointer([note.field])}
            for note in error.notes
        ]
        raise Problem(NO_MOVE, str(error), errors=errors) from None
