"""A segment as one boolean SQL expression, for a warehouse that holds the features and what batch scoring wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scoring.segments.assignment import SPEAKING, cluster_column, discovered_of, field_of
from scoring.segments.policy import Policy, Segment
from scoring.segments.rule_texts import Texts, with_every_spelling
from scoring.segments.rules import sql_literal, sql_name, to_sql


def segment_sql(
    policy: Policy,
    segment: Segment,
    ladders: Mapping[str, tuple[str, ...]],
    *,
    prefixed: bool = True,
    levels: Texts | None = None,
) -> str:
    """TRUE where a customer is in the segment, else FALSE, never NULL: the same that `assign_all` answers.

    Args:
        policy: The segment's.
        segment: Any of it; the rule is of who enters it, not of who stays by a stay rule or a minimum stay.
        ladders: The codes of each use case's bands, the lowest first.
        levels: The levels of categories and their spellings, as `level_texts` has them.
        prefixed: Whether the columns of scores begin with the use case's name, as batch writes them for several.
    """
    categories = (
        name for name, kind in policy.kinds.items() if kind == "text" and not (field_of(name) or discovered_of(name))
    )
    texts = {name: (levels or {}).get(name, {}) for name in categories}

    def column(name: str) -> str:
        if field := discovered_of(name):
            return sql_name(cluster_column(field))
        parts = field_of(name)
        if parts is None:
            return f"NULLIF(LOWER(TRIM({sql_name(name)})), '')" if name in texts else sql_name(name)
        use_case, field = parts
        if field in ("lowest_band", "highest_band"):
            rung = ladders[use_case][0 if field == "lowest_band" else -1]
            return f"({column(f'{use_case}.band')} = {sql_literal(rung)})"
        return sql_name(f"{use_case}_{field}" if prefixed else field)

    statuses = ", ".join(sql_literal(status) for status in sorted(SPEAKING))
    spoken = [f"{column(f'{name}.status')} IN ({statuses})" for name in policy.use_cases]

    def rule_of(one: Segment) -> str:
        return to_sql(with_every_spelling(one.rule, texts), column)

    def conditions(one: Segment) -> Iterator[str]:
        for ancestor in reversed(policy.ancestors(one)):
            yield from own(ancestor)
        yield from own(one)

    def own(one: Segment) -> Iterator[str]:
        yield rule_of(one)
        for other in policy.earlier_exclusive(one):
            taken = [rule_of(other)]
            if other.parent is not None and other.parent not in {each.code for each in policy.ancestors(one)}:
                taken = [*conditions(policy.by_code[other.parent]), *taken]
            yield f"({' AND '.join(taken)}) IS NOT TRUE"

    return f"({' AND '.join([*spoken, *conditions(segment)])}) IS TRUE"
