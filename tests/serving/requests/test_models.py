"""What may be asked: every broken rule at once, each with its place, and never a customer's value."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.problems import Problem
from serving.requests.models import (
    CustomersRequest,
    ExplanationById,
    ExplanationOfProfile,
    ScoresByIds,
    ScoresByProfiles,
    customers_request,
    explanation_request,
    scores_request,
)

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 30)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "a", "fr", "en"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=5,
)
FIELDS = (*ScoresByProfiles.__struct_fields__, *ExplanationOfProfile.__struct_fields__)


def refused(call: Any, body: Any) -> list[Any]:
    """The errors of a request that is refused."""
    with pytest.raises(Problem) as caught:
        call(body)
    return caught.value.errors


def test_every_broken_rule_is_named_with_its_place() -> None:
    """At once, in the order of the fields; unknown keys first."""
    errors = refused(scores_request, {"profiles": [], "reasons": 21, "language": "de", "flat": 1, "segment": 2})

    assert [error["pointer"] for error in errors] == ["/segment", "/reasons", "/language", "/flat", "/profiles"]
    assert {error["code"] for error in errors} == {"unknown_key", "invalid_field"}


def test_an_unknown_key_is_named_unless_it_may_be_a_value() -> None:
    """`more` is a name, an address is a customer's."""
    errors = refused(customers_request, {"customer_ids": ["a"], "more": 1, "alice@example.com": 2, "é": 3})

    assert [(error["field"], error["pointer"]) for error in errors] == [("more", "/more"), ("", "")]
    assert "2 other keys" in errors[1]["detail"]
    assert "alice" not in str(errors)


def test_an_id_that_names_nobody_is_found_in_its_list() -> None:
    """By its position."""
    assert refused(scores_request, {"customer_ids": ["a", 3, 1.5]})[0]["pointer"] == "/customer_ids/2"


def test_whole_numbers_are_answered_as_text() -> None:
    """Ids of every request."""
    assert scores_request({"customer_ids": [616, "616.0", " a "]}).customer_ids == ["616", "616", "a"]
    assert customers_request({"customer_ids": [616, "616.0", "a"]}) == ["616", "a"]
    assert explanation_request({"use_case": "churn", "customer_id": 616}).customer_id == "616"


@pytest.mark.parametrize(
    ("call", "body", "pointers"),
    [
        (scores_request, {"profiles": [1], "customer_ids": ["a"]}, ["/customer_ids"]),
        (scores_request, {}, ["/profiles"]),
        (explanation_request, {"use_case": "a", "profile": {}, "customer_id": "a"}, ["/customer_id"]),
        (explanation_request, {"use_case": 1, "customer_id": ""}, ["/use_case", "/customer_id"]),
        (explanation_request, {}, ["/use_case", "/profile"]),
        (customers_request, [], [""]),
    ],
    ids=["both", "neither", "profile and id", "no id", "nothing", "a list"],
)
def test_a_customer_is_named_in_one_way(call: Any, body: Any, pointers: list[str]) -> None:
    """By features or by id."""
    assert [error["pointer"] for error in refused(call, body)] == pointers


@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING))
def test_what_is_taken_is_of_the_declared_type(body: dict[str, Any]) -> None:
    """Whatever is posted is refused, or of one of the types that describe the API."""
    for call, shapes in (
        (scores_request, (ScoresByProfiles, ScoresByIds)),
        (explanation_request, (ExplanationOfProfile, ExplanationById)),
    ):
        try:
            asked: Any = call(body)
        except Problem:
            continue
        for shape in (each for each in shapes if isinstance(asked, each)):
            assert msgspec.convert(msgspec.to_builtins(asked), shape) == asked


def test_the_ids_of_customers_are_a_list_of_them() -> None:
    """Of one to a thousand."""
    assert refused(customers_request, {"customer_ids": ["a"] * 1001})[0]["field"] == "customer_ids"
    assert CustomersRequest.__struct_fields__ == ("customer_ids",)
