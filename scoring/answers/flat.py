"""Results without anything nested: a customer is one row, with the columns that a scored file has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoring.answers.served_release import Live
from scoring.answers.wire import FlatValue, Note, Reason, Score

_AS_THEY_ARE = ("status", "probability", "score", "percentile")
_OF_A_REASON = ("code", "feature", "text", "contribution")


def flat_results(
    live: Mapping[str, Live], results: Sequence[Mapping[str, Any]], use_cases: Sequence[str] | None, reasons: int
) -> list[dict[str, FlatValue]]:
    """The results of `score_profiles` as rows that all have the same keys, in the order of a scored file's columns.

    A segment is its code. Errors and warnings are one text each. What is not there is null.

    Args:
        live: The releases that were asked.
        results: What they answered.
        use_cases: Those asked for; None: those that answered any of the customers.
        reasons: How many were asked for.
    """
    answered = {name for result in results for name in result["scores"]}
    names = [name for name in live if name in (answered if use_cases is None else use_cases)]
    return [
        {
            "customer_id": result["customer_id"],
            "status": result["status"],
            "errors": _text(result.get("errors")),
            **{
                f"{name}_{column}": value
                for name in names
                for column, value in _columns(live[name], result["scores"].get(name), reasons).items()
            },
            "segment": result["segment"] and result["segment"]["code"],
        }
        for result in results
    ]


def _columns(served: Live, score: Score | None, reasons: int) -> dict[str, FlatValue]:
    """One use case's columns."""
    known: Mapping[str, Any] = score or {}
    columns: dict[str, FlatValue] = {name: known.get(name) for name in _AS_THEY_ARE}
    columns["band"] = known["band"]["code"] if "band" in known else None
    columns["model_version"] = served.release.version
    columns["errors"] = _text(known.get("errors"))
    columns["warnings"] = _text(known.get("warnings"))
    given: Sequence[Reason] = known.get("reasons", ())
    for rank in range(reasons):
        reason: Mapping[str, Any] = given[rank] if rank < len(given) else {}
        columns |= {f"reason_{rank + 1}_{name}": reason.get(name) for name in _OF_A_REASON}
    return columns


def _text(notes: Sequence[Note] | None) -> str | None:
    """Notes as one text, as the columns of a file have them."""
    return "; ".join(_note(note) for note in notes) if notes else None


def _note(note: Note) -> str:
    where = note.get("feature")
    return f"{where}: {note['detail']}" if where else note["detail"]
