"""Results without anything nested: a customer is one row, with the columns that a scored file has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from scoring.answers.served_release import Live
from scoring.answers.wire import DiscoveredPlace, FlatValue, Result, Score, ValueReason
from scoring.bundle.families import OTHER_FACTORS
from scoring.encoding.notes import Note
from scoring.reasons.reason import Reason
from scoring.segments.names import Named
from scoring.segments.policy import Policy

_REASON_PARTS: tuple[Literal["feature", "text", "contribution"], ...] = ("feature", "text", "contribution")
_UNASKED: Score = {"status": "unknown"}  # has no other part


def flat_results(
    live: Mapping[str, Live],
    results: Sequence[Result],
    use_cases: Sequence[str] | None,
    reasons: int,
    *,
    policy: Policy,
) -> list[dict[str, FlatValue]]:
    """The results of `score_profiles` as rows that all have the same keys, in the order of a scored file's columns.

    A segment is its code. Errors and warnings are one text each. What is not there is null. Of customers known by id
    each use case has the moment that its features speak of.

    Args:
        live: The releases that were asked.
        results: What they answered.
        use_cases: Those asked for; None: those that answered any of the customers.
        reasons: How many were asked for.
        policy: Whose segments they name.
    """
    answered = {name for result in results for name in result["scores"]}
    names = [name for name in live if name in (answered if use_cases is None else use_cases)]
    segmentations = sorted({one for name in names for one in live[name].discovering})
    dated = {name for result in results for name, score in result["scores"].items() if "as_of" in score}
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
            **{f"{name}_as_of": result["scores"].get(name, _UNASKED).get("as_of") for name in names if name in dated},
            **_clusters(result.get("discovered", {}), segmentations, reasons),
            "segment": result["segment"] and result["segment"]["code"],
            **({"segment_action": _action(result["segment"])} if policy.states_actions else {}),
        }
        for result in results
    ]


def _clusters(
    places: Mapping[str, DiscoveredPlace], segmentations: Sequence[str], reasons: int
) -> dict[str, FlatValue]:
    """The columns of learned clusters."""
    columns: dict[str, FlatValue] = {}
    for name in segmentations:
        place = places.get(name)
        columns |= {
            f"{name}_cluster": place and place["code"],
            f"{name}_cluster_margin": place and place["margin"],
            f"{name}_cluster_next": place and place["next"],
        }
        named = [one for one in place["reasons"] if one["feature"] != OTHER_FACTORS] if place else []
        for rank in range(reasons):
            one = named[rank] if rank < len(named) else None
            prefix = f"{name}_cluster_reason_{rank + 1}"
            columns |= {f"{prefix}_{part}": one and one[part] for part in _REASON_PARTS}
    return columns


def _columns(served: Live, score: Score | None, reasons: int) -> dict[str, FlatValue]:
    """One use case's columns."""
    known = score or _UNASKED
    columns: dict[str, FlatValue] = {
        "status": score and score["status"],
        "probability": known.get("probability"),
        "score": known.get("score"),
        "percentile": known.get("percentile"),
        "band": known["band"]["code"] if "band" in known else None,
        "model_version": served.release.version,
        "errors": _text(known.get("errors")),
        "warnings": _text(known.get("warnings")),
    }
    columns |= _reason_columns("reason", known.get("reasons", []), reasons)
    if served.serves_uplift:
        effect = known.get("uplift")
        columns |= {
            "uplift": effect and effect["uplift"],
            "log_odds_if_treated": effect and effect["log_odds_if_treated"],
            "log_odds_if_not": effect and effect["log_odds_if_not"],
            **_reason_columns(
                "log_odds_difference_reason", effect["log_odds_difference_reasons"] if effect else [], reasons
            ),
        }
    if served.serves_value:
        value = known.get("value")
        columns |= {
            "value": value and value["expected"],
            "value_low": value and value["low"],
            "value_high": value and value["high"],
            **({"value_base": value and value.get("base")} if reasons else {}),
            **_value_columns(value["reasons"] if value else [], reasons),
        }
    if served.states_actions:
        columns["action"] = _action(known.get("band"))
    return columns


def _action(named: Named | None) -> str | None:
    """The next step with a band or a segment."""
    return named.get("action") if named else None


def _reason_columns(prefix: str, given: Sequence[Reason], count: int) -> dict[str, FlatValue]:
    cells = {rank: _reason_cells(given[rank] if rank < len(given) else None) for rank in range(count)}
    return {f"{prefix}_{rank + 1}_{name}": cell for rank, row in cells.items() for name, cell in row.items()}


def _reason_cells(reason: Reason | None) -> dict[str, FlatValue]:
    if reason is None:
        return dict.fromkeys(("code", "feature", "text", "contribution"))
    return {
        "code": reason["code"],
        "feature": reason["feature"],
        "text": reason["text"],
        "contribution": reason["contribution"],
    }


def _value_columns(given: Sequence[ValueReason], count: int) -> dict[str, FlatValue]:
    """What multiplies a value, as columns; null where there are no more reasons."""
    cells: dict[str, FlatValue] = {}
    for rank in range(count):
        reason = given[rank] if rank < len(given) else None
        prefix = f"value_reason_{rank + 1}_"
        cells |= {
            f"{prefix}code": reason and reason["code"],
            f"{prefix}feature": reason and reason["feature"],
            f"{prefix}text": reason and reason["text"],
            f"{prefix}multiplies_by": reason and reason["multiplies_by"],
        }
    return cells


def _text(notes: Sequence[Note] | None) -> str | None:
    """Notes as one text, as the columns of a file have them."""
    return "; ".join(_note(note) for note in notes) if notes else None


def _note(note: Note) -> str:
    where = note.get("feature")
    return f"{where}: {note['detail']}" if where else note["detail"]
