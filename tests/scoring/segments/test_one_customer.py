from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scoring.segments.assignment import assign_all, assign_one
from scoring.segments.names import Level
from scoring.segments.policy import Policy, Segment
from scoring.segments.rules import SIGNS, Kind, NullableColumn, Rule, evaluate, holds_for_one, plain_value

KINDS: dict[str, Kind] = {
    "amount": "number",
    "other": "number",
    "channel": "text",
    "asked": "boolean",
    "a.status": "text",
}
NUMBERS = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([0.5, 2.0, float("nan")]))
VALUES = st.fixed_dictionaries(
    {
        "amount": NUMBERS,
        "other": NUMBERS,
        "channel": st.sampled_from([None, "web", "Web", ""]),
        "asked": st.sampled_from([None, True, False]),
        "a.status": st.sampled_from(["scored", "not_eligible"]),
    }
)
SIGN = st.sampled_from(sorted(SIGNS))
NUMBER_SIDE = st.one_of(
    st.sampled_from([("column", "amount"), ("column", "other")]),
    st.sampled_from([0, 1.5, -2]).map(lambda n: ("literal", n)),
)
TEXT_SIDE = st.sampled_from([("column", "channel"), ("column", "a.status"), ("literal", "web"), ("literal", "scored")])
LEAVES = st.one_of(
    st.tuples(st.just("compare"), SIGN, NUMBER_SIDE, NUMBER_SIDE),
    st.tuples(st.just("compare"), SIGN, TEXT_SIDE, TEXT_SIDE),
    st.tuples(st.just("in"), st.just(("column", "channel")), st.just(["web", ""])),
    st.tuples(st.just("in"), st.just(("column", "amount")), st.just([1, 2.0])),
    st.tuples(st.just("null"), st.sampled_from([("column", name) for name in KINDS])),
    st.tuples(st.just("is"), st.just(("column", "asked")), st.booleans()),
    st.tuples(st.just("true"), st.just(("column", "asked"))),
    st.tuples(st.just("constant"), st.booleans()),
)
RULES: st.SearchStrategy[Rule] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.tuples(st.sampled_from(["and", "or"]), inner, inner), st.tuples(st.just("not"), inner)),
    max_leaves=6,
)


@given(RULES, st.lists(VALUES, min_size=1, max_size=6))
def test_a_rule_holds_for_one_where_it_holds_in_a_column(rule: Rule, customers: list[dict[str, Any]]) -> None:
    """Null, NaN, text, truths and numbers alike, through every word of a rule."""
    columns = {name: NullableColumn.of([one[name] for one in customers], kind) for name, kind in KINDS.items()}

    alone = [
        holds_for_one(rule, {name: plain_value(one[name], kind) for name, kind in KINDS.items()}) for one in customers
    ]

    assert alone == evaluate(rule, columns, len(customers)).tolist()


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Up to six segments in three levels, some within others, some overlapping."""
    segments: list[Segment] = []
    for number in range(draw(st.integers(0, 6))):
        level: Level = draw(st.sampled_from([1, 2, 3]))
        above = [one.code for one in segments if one.level < level]
        segments.append(
            Segment(
                f"s{number}",
                {"fr": f"S{number}", "en": f"S{number}"},
                "",
                draw(RULES),
                level=level,
                parent=draw(st.sampled_from([None, *above])),
                exclusive=draw(st.booleans()),
                priority=draw(st.integers(0, 2)),
            )
        )
    return Policy(("a",), tuple(segments), KINDS)


@given(policies(), st.lists(VALUES, min_size=1, max_size=6), st.sampled_from(["scored", "invalid"]))
def test_one_customer_stands_where_many_would(policy: Policy, customers: list[dict[str, Any]], status: str) -> None:
    """Levels, parents, priorities, exclusive and overlapping segments; nowhere where a model cannot speak."""
    statuses = [status, *["scored"] * (len(customers) - 1)]

    many = [*assign_all(policy, {"a": statuses}, lambda name: [one[name] for one in customers])]
    alone = [
        assign_one(policy, {"a": one_status}, one.__getitem__)
        for one_status, one in zip(statuses, customers, strict=True)
    ]

    assert alone == many
