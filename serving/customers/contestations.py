"""Contestations: what a person says against a score, and what came of it; written beside it, never changed after.

They stand in the file of the decisions log, in a table that is only added to: an answer is a line of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scoring.privacy.suppression import open_suppression
from scoring.storage.sqlite import Reader, writing
from serving.customers.decision_log import CONTESTATIONS, FILE, TABLES, decisions_of, tables_of
from serving.customers.kept import ContestationLine, ContestationOutcome

_PUT = "INSERT INTO contestations VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_FIND = """
SELECT customer_id, at, use_case, request_id, outcome, by_whom, caller, text FROM contestations WHERE customer_id IN {}
"""


class NoDecisionError(ValueError):
    """The log has no score of this customer by this use case in that request."""


def contest(
    home: Path,
    customer: str,
    *,
    use_case: str,
    request_id: str | None,
    outcome: ContestationOutcome,
    by: str,
    caller: str | None,
    text: str,
) -> ContestationLine:
    """Adds a line about a customer's score, and gives it.

    Args:
        home: Whose log.
        customer: Who contests.
        use_case: Whose score.
        request_id: The request it was given in; None: a score of a day, or one that the log does not have.
        outcome: Whether it waits for an answer, or how a person answered it.
        by: Who took it down, or who answered.
        caller: The name of the key.
        text: What was said, or the answer.

    Raises:
        NoDecisionError: The request gave this customer no such score.
        sqlite3.Error: The log cannot be written now.
        SuppressionError: The suppression list cannot be read.
    """
    if request_id is not None:
        logged = decisions_of(home, [customer]).get(customer, [])
        if not any((line["request_id"], line["use_case"]) == (request_id, use_case) for line in logged):
            raise NoDecisionError("The decisions log must hold the score that is contested, it holds none.")
    row = (customer, time.time(), use_case, request_id, outcome, by, caller, text)
    with writing(home / FILE, TABLES) as connection:
        connection.execute(CONTESTATIONS)
        connection.execute(_PUT, row)
    return _line(row[1:])


def contestations_of(home: Path, customers: Sequence[str]) -> dict[str, list[ContestationLine]]:
    """The contestations of customers, by id, in the order of time; none from before an erasure.

    Raises:
        sqlite3.Error: The log cannot be read now.
        SuppressionError: The suppression list cannot be read.
    """
    if "contestations" not in tables_of(home):
        return {}
    listed, asked = open_suppression(home), list(dict.fromkeys(customers))
    erased = listed.erased(asked) if listed else {}
    found: dict[str, list[ContestationLine]] = {}
    for customer, *fields in sorted(Reader(home / FILE).ask_of(_FIND, asked), key=lambda row: float(row[1])):
        if fields[0] > erased.get(customer, 0.0):
            found.setdefault(customer, []).append(_line(fields))
    return found


def _line(fields: Sequence[Any]) -> ContestationLine:
    at, use_case, request_id, outcome, by, caller, text = fields
    return {
        "at": datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z"),
        "use_case": use_case,
        "request_id": request_id,
        "outcome": outcome,
        "by": by,
        "caller": caller,
        "text": text,
    }
