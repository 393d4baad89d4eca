"""Large calls are read straight into rows; what is said of them is what the longer way says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.answers.block_answers import encode_answers
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.encoding.block import Block
from scoring.releases.store import load_release
from scoring.segments.assignment import DEFAULT
from serving.http.problems import Problem
from serving.http.reply import json_reply
from serving.requests.fast_decode import LARGE, read_block
from serving.requests.models import ScoresByProfiles, scores_request
from serving.requests.strict_json import decode
from tests.support.models import SHOP, WRITTEN, release_shop, shop_rows

NUMBERS = st.none() | st.integers(-5, 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.just(1e39)
TEXTS = (
    st.none()
    | st.sampled_from(["web", "boutique", "", "a:b", "1997-01-02", "31/12/1997", "12/31/1997", "soon"])
    | st.text('aé: "', max_size=3)
)
AMOUNTS = NUMBERS | st.sampled_from(["1 234,50 €", "-12 €", "12,5", "1.234", "12 $", "9" * 400 + " €", "", "-0 €"])
ODD = NUMBERS | TEXTS | st.booleans() | st.lists(st.integers(), max_size=2) | st.just({"x": 1})
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "days_since_purchase": NUMBERS,
    "purchases_90d": NUMBERS,
    "monetary_365d": AMOUNTS,
    "subscribed": st.none() | st.booleans(),
    "joined on": TEXTS,
    "canal d'achat": TEXTS,
}
ROWS = st.fixed_dictionaries(CELLS)
ODD_ROWS = st.dictionaries(st.sampled_from([*CELLS, "stranger"]), ODD, max_size=8)
REST = st.fixed_dictionaries(
    {},
    optional={
        "use_cases": st.none() | st.lists(st.sampled_from(["churn", "written", "nope"]), max_size=2),
        "reasons": st.sampled_from([0, 2, 3.0, 21, "3", True, None]),
        "language": st.sampled_from(["fr", "en", "de", 1]),
    },
)


@pytest.fixture(scope="module")
def live(home: Path) -> dict[str, Live]:
    """Both releases of the shop."""
    return {name: Live(load_release(home, name)) for name in ("churn", "propensity")}


@pytest.fixture(scope="module")
def written(live: dict[str, Live], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Live]:
    """A release whose amounts and dates are posted as text too, beside one of the shop that takes neither."""
    folder = tmp_path_factory.mktemp("written")
    release_shop(folder / "home", "written", scratch=folder, features=msgspec.to_builtins(WRITTEN))
    return {"churn": live["churn"], "written": Live(load_release(folder / "home", "written"))}


def call(profiles: list[Any], **rest: Any) -> bytes:
    """A body long enough to be read straight."""
    return json.dumps({"profiles": profiles, **rest}).encode() + b" " * LARGE


def said(body: Any, live: dict[str, Live]) -> bytes | str:
    """The answers of a read body, or the rule that it breaks."""
    try:
        asked = scores_request(body)
        assert isinstance(asked, ScoresByProfiles)
        if isinstance(asked.profiles, Block) and not asked.reasons:
            encoded = encode_answers(
                live, asked.profiles, use_cases=asked.use_cases, language=asked.language, policy=DEFAULT
            )
            if encoded:
                return encoded.results
        found = score_profiles(
            live, asked.profiles, use_cases=asked.use_cases, reasons=asked.reasons, language=asked.language
        )
        return json_reply(found).body
    except (Problem, ValueError) as broken:
        return str(broken)


def test_customers_of_whom_nothing_is_known_are_answered(written: dict[str, Live]) -> None:
    """All of a large call, so that no row is scored."""
    nothing = dict.fromkeys(written["churn"].scorer.encoder.names)
    body = call([{"customer_id": one, "features": nothing} for one in "ab"])

    straight = read_block(body, {"churn": written["churn"]})

    assert straight is not None
    assert json.loads(said(straight, {"churn": written["churn"]})) == json.loads(
        said(decode(body), {"churn": written["churn"]})
    )


@given(st.lists(ROWS, max_size=4) | st.lists(ROWS | ODD_ROWS, max_size=3), REST, st.data())
def test_what_is_read_straight_is_what_the_longer_way_reads(
    written: dict[str, Live], rows: list[Any], rest: dict[str, Any], data: st.DataObject
) -> None:
    """Whatever is posted: either it is left to the longer way, or the answers are the same bytes."""
    ids = data.draw(
        st.lists(st.sampled_from(["a", "é", "a:b", ""]) | st.just(7), min_size=len(rows), max_size=len(rows))
    )
    live = data.draw(st.sampled_from([written, {"churn": written["churn"]}, {"written": written["written"]}]))
    profiles = [{"customer_id": one, "features": row} for one, row in zip(ids, rows, strict=True)]
    body = call(profiles, **rest)

    straight = read_block(body, live)

    if straight is not None:
        assert said(straight, live) == said(decode(body), live)


def test_a_call_of_amounts_and_dates_as_they_are_written_is_read_straight(written: dict[str, Live]) -> None:
    """As text or as numbers, in one call; the answers are those of the numbers and of ISO's dates."""
    rows = [{**row, "monetary_365d": 1234.5, "joined on": "1997-12-31"} for row in shop_rows(40, seed=9)]
    told = [{**row, "monetary_365d": "1 234,50 €", "joined on": "31/12/1997"} for row in rows[:20]] + rows[20:]
    live = {"written": written["written"]}
    plain, texts = (call([{"customer_id": "c", "features": row} for row in some]) for some in (rows, told))

    straight = read_block(texts, live)

    assert straight is not None
    assert said(straight, live) == said(decode(texts), live) == said(decode(plain), live)


@pytest.mark.parametrize("rest", [{}, {"use_cases": ["churn"], "reasons": 3}, {"language": "fr", "use_cases": None}])
def test_a_plain_call_is_read_straight(live: dict[str, Live], rest: dict[str, Any]) -> None:
    """Nulls, whole numbers, categories never met and numbers out of the seen range among the values."""
    rows = shop_rows(300, seed=9)
    rows[3] |= {"canal d'achat": "pigeon", "days_since_purchase": 4000, "purchases_90d": -1}
    body = call([{"customer_id": f"c{place}", "features": row} for place, row in enumerate(rows)], **rest)

    straight = read_block(body, live)

    assert straight is not None
    assert isinstance(straight["profiles"], Block)
    assert list(straight["profiles"]) == decode(body)["profiles"]
    assert said(straight, live) == said(decode(body), live)


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text.replace('"purchases_90d"', '"purchases_90d": 1, "purchases_90d"', 1),
        lambda text: text.replace('"purchases_90d"', '"purchases_90d" : 1, "purchases_90d"', 1),
        lambda text: text.replace('"c0"', '"c0", "customer_id": "c0"', 1),
        lambda text: text.replace('"profiles"', '"reasons": 1, "reasons": 2, "profiles"', 1),
        lambda text: text.replace('"c0"', '""', 1),
        lambda text: text.replace('"c0"', "7", 1),
        lambda text: text.replace('"subscribed": ', '"subscribed": 1, "x": ', 1),
        lambda text: re.sub('(?<="monetary_365d": )[0-9.]+', "1" + "0" * 309, text, count=1),
        lambda text: text.replace('"c0"', '"\ud800"', 1),
        lambda text: text + "]",
    ],
)
def test_a_call_in_doubt_is_left_to_the_longer_way(live: dict[str, Live], changed: Any) -> None:
    """A key named twice, a wrong type, a stranger, a number too large, bad UTF-8."""
    profiles = [{"customer_id": f"c{place}", "features": row} for place, row in enumerate(shop_rows(20, seed=9))]
    text = changed(json.dumps({"profiles": profiles}))

    assert read_block(text.encode("utf-8", "surrogatepass") + b" " * LARGE, live) is None


def test_a_block_that_fits_no_use_case_whole_is_answered_row_by_row(live: dict[str, Live]) -> None:
    """A feature too many is every row's error, as it is in a call of few."""
    shape = (*live["churn"].scorer.encoder.shape, ("stranger", "category"))
    features = {**shop_rows(1, seed=9)[0], "stranger": "x"}
    block = Block.of([("a", features), ("b", features)], shape)

    assert score_profiles(live, block) == score_profiles(live, list(block))
    assert {row["status"] for row in score_profiles(live, block, use_cases=["churn"])} == {"ok"}


def test_a_name_that_json_escapes_ends_no_call(live: dict[str, Live], tmp_path: Path) -> None:
    """A column called with a quote, a backslash or a line end, of whatever use case is served, fails no large call."""
    renamed = [replace(each, name='le "nom\\\n"') if each.name == "subscribed" else each for each in SHOP]
    release_shop(tmp_path / "home", "odd", scratch=tmp_path, features=msgspec.to_builtins(renamed))
    both = {**live, "odd": Live(load_release(tmp_path / "home", "odd"))}
    rows = shop_rows(3, seed=4)
    odd = [{('le "nom\\\n"' if name == "subscribed" else name): value for name, value in row.items()} for row in rows]

    for posted in (rows, odd):
        body = call([{"customer_id": "a", "features": row} for row in posted], use_cases=None)
        straight = read_block(body, both)

        assert (straight is None) == (posted is odd)
        asked = scores_request(straight or decode(body))
        assert isinstance(asked, ScoresByProfiles)
        answered = score_profiles(both, asked.profiles)
        assert all(score["status"] != "invalid" for each in answered for score in each["scores"].values())
