"""The population over HTTP: pages, searches, look-ups and lists, by either way through the server."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from scoring.batch.score_files import score_file
from scoring.population.cursors import Cursor
from scoring.population.customer_pages import CustomerQuery
from scoring.population.ranked import open_index
from scoring.privacy import suppression
from serving.auth.api_keys import add_key
from tests.support.answers import bearer, is_problem
from tests.support.days import ABSENT, DAY, made, released, write_customers
from tests.support.models import release_shop
from tests.support.servers import QUICK, Server, start, stop

PAGE, SEARCH, LOOKUP, LISTS = (f"/v1/{path}" for path in ("customers", "customers/search", "customers/lookup", "lists"))
POSTED: dict[str, dict[str, Any]] = {
    SEARCH: {"contains": "c1"},
    LOOKUP: {"customer_ids": ["c1"]},
    LISTS: {"use_case": "churn", "top": 3},
}


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two releases, a day, and a file of the same customers scored by the batch."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "propensity", scratch=scratch)
    release_shop(home, "churn", scratch=scratch, polarity="negative", seed=1)
    live, source = released(home, "churn", "propensity"), write_customers(home / "customers.parquet", count=600)
    made(home, live, source)
    score_file(live, source, home / "scored.parquet", reasons=3)
    return home


@pytest.fixture(scope="module")
def keys(peopled: Path) -> dict[str, dict[str, str]]:
    """The headers of each key."""
    return {scope: bearer(add_key(peopled, scope, [scope])) for scope in ("score", "customers")}


@pytest.fixture(scope="module", params=["on", "off"], ids=["at the edge", "by BentoML"])
def asked(
    request: pytest.FixtureRequest,
    peopled: Path,
    keys: dict[str, dict[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[httpx.Client]:
    """A client of a server, with the shortcut or without."""
    running: Server = start(peopled, tmp_path_factory.mktemp("server"), {**QUICK, "PENCHANT_SHORTCUT": request.param})
    with running.client() as client:
        client.headers.update(keys["customers"])
        yield client
    stop(running)


def scored(home: Path, name: str) -> list[dict[str, Any]]:
    """The batch's rows that a use case scored, the likeliest first."""
    rows = pl.read_parquet(home / "scored.parquet").filter(pl.col(f"{name}_status") == "scored").sort("customer_id")
    return [
        row
        for row in rows.sort(f"{name}_probability", descending=True, maintain_order=True).to_dicts()
        if name != "churn" or row["customer_id"] not in ABSENT
    ]


def test_pages_list_everyone_once(asked: httpx.Client, peopled: Path) -> None:
    """In order of rank, equal to the batch, each page from where the last one ended."""
    found: list[dict[str, Any]] = []
    parameters: dict[str, str] = {"use_case": "churn", "limit": "40"}
    while True:
        page = asked.get(PAGE, params=parameters).raise_for_status().json()
        assert page.keys() == {"as_of", "total", "customers", "next"}
        found += page["customers"]
        if page["next"] is None:
            break
        parameters["cursor"] = page["next"]
    rows = scored(peopled, "churn")

    assert page["as_of"] == "2026-03-01T00:00:00Z"
    assert page["total"] == len(found) == len(rows)
    for one, row in zip(found, rows, strict=True):
        score = one["scores"]["churn"]
        assert one["customer_id"] == row["customer_id"]
        assert [score[name] for name in ("status", "score", "probability", "percentile", "band")] == [
            row[f"churn_{name}"] for name in ("status", "score", "probability", "percentile", "band")
        ]
        assert [(reason["code"], reason["contribution"]) for reason in score["reasons"]] == [
            (row[f"churn_reason_{rank}_code"], row[f"churn_reason_{rank}_contribution"]) for rank in (1, 2, 3)
        ]


def test_the_counts_of_every_filter_add_up(asked: httpx.Client) -> None:
    """Bands, and the segments of the policy."""

    def total(**parameters: str) -> int:
        return int(asked.get(PAGE, params={"use_case": "propensity", **parameters}).raise_for_status().json()["total"])

    assert sum(total(band=code) for code in ("low", "medium", "high")) == total()
    assert total(segment="at_risk", band="high") <= total(segment="at_risk") <= total()
    assert total(order="score") == total(order="customer_id") == total()
    assert asked.get(PAGE).json()["total"] == 600


def test_profiles_to_refresh_are_paged(asked: httpx.Client, peopled: Path) -> None:
    """Those with gaps alone, in the order that the index has."""
    expected = open_index(peopled).page(CustomerQuery(order="refresh"), limit=1000)
    found: list[str] = []
    parameters: dict[str, str] = {"order": "refresh", "limit": "40"}
    while True:
        page = asked.get(PAGE, params=parameters).raise_for_status().json()
        found += [one["customer_id"] for one in page["customers"]]
        if page["next"] is None:
            break
        parameters["cursor"] = page["next"]

    assert 80 < page["total"] == len(found) < 600
    assert found == [one.customer_id for one in expected.customers]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("use_case=chrun", {"use_case"}),
        ("limit=0&order=best&sort=1", {"limit", "order", "sort"}),
        ("limit=5&limit=6&segment=no", {"limit"}),
        ("segment=nowhere&band=low", {"segment", "band"}),
        ("use_case=churn&band=Low&reason=x&limit=1e3", {"band", "limit"}),
        ("use_case=churn&reason=unheard_of&order=score", {"reason"}),
        ("order=-score", {"order"}),
        ("cursor=x", {"cursor"}),
        ("use_case=&C-1=1", {"use_case", ""}),
    ],
)
def test_a_wrong_address_is_refused(asked: httpx.Client, query: str, fields: set[str]) -> None:
    """400, each parameter by its name, all at once, and no value."""
    problem = is_problem(asked.get(f"{PAGE}?{query}"), 400, "invalid-parameter")

    assert {error["field"] for error in problem["errors"]} == fields
    assert not any(value in str(problem) for value in ("chrun", "nowhere", "unheard_of", "C-1"))


def test_a_cursor_without_a_page_is_a_404(asked: httpx.Client) -> None:
    """Of a day that is gone, of another list, or of nothing."""
    other = asked.get(PAGE, params={"use_case": "churn", "limit": 3}).json()["next"]
    gone = str(Cursor(DAY.replace(year=2020), 3, 4))

    for cursor, rule in ((other, "same list"), (gone, "day in service"), ("A" * 23, "`next` of a page")):
        problem = is_problem(asked.get(PAGE, params={"use_case": "propensity", "cursor": cursor}), 404, "no-such-page")
        assert rule in problem["detail"]


def test_a_part_of_an_id_is_searched_in_the_body(asked: httpx.Client) -> None:
    """Page by page."""
    first = asked.post(SEARCH, json={"contains": " c29", "limit": 7}).raise_for_status().json()
    rest = asked.post(SEARCH, json={"contains": "c29", "limit": 7, "cursor": first["next"]}).json()

    ids = [one["customer_id"] for page in (first, rest) for one in page["customers"]]
    assert ids == sorted(["c29", *(f"c29{digit}" for digit in range(10))])
    assert (first["total"], rest["next"]) == (11, None)


def test_a_look_up_answers_features_and_days(asked: httpx.Client, peopled: Path) -> None:
    """The very rows that were scored; of a stranger that nothing is known."""
    found = asked.post(LOOKUP, json={"customer_ids": ["c8", "stranger"]}).raise_for_status().json()["customers"]
    row = pl.read_parquet(peopled / "customers.parquet").filter(pl.col("customer_id") == "c8").to_dicts()[0]
    answer = next(
        each for each in pl.read_parquet(peopled / "scored.parquet").to_dicts() if each["customer_id"] == "c8"
    )

    assert [(one["customer_id"], one["known"], len(one["days"])) for one in found] == [
        ("c8", True, 1),
        ("stranger", False, 0),
    ]
    assert found[0]["features"]["churn"] == {name: row[name] for name in found[0]["features"]["churn"]}
    assert found[0]["days"][0]["scores"]["churn"]["probability"] == answer["churn_probability"]
    assert found[0]["consent"] is None


def test_a_list_equals_the_batch_to_the_bit(asked: httpx.Client, peopled: Path) -> None:
    """The 330 likeliest, in order; ids only, as nobody's consent is known."""
    answer = asked.post(LISTS, json={"use_case": "propensity", "top": 330}).raise_for_status().json()
    rows = scored(peopled, "propensity")[:330]

    assert [(one["customer_id"], one["scores"]["propensity"]["probability"]) for one in answer["customers"]] == [
        (row["customer_id"], row["propensity_probability"]) for row in rows
    ]
    assert (answer["internal"], answer["campaign"], answer["left_out"]) == (True, None, {})
    line = json.loads((peopled / "segments/exports.jsonl").read_text().splitlines()[-1])
    assert (line["by"], line["key"], line["top"], line["written"]) == ("api", "customers", 330, 330)
    assert "customers" not in line.keys() - {"key"}


def test_a_hold_out_leaves_a_campaign(asked: httpx.Client, peopled: Path) -> None:
    """The same call again is the same campaign; the salt with another list is refused, with nobody's id."""
    body = {"use_case": "churn", "top": 60, "holdout": 0.25, "salt": f"spring {asked.base_url}", "window": "90d"}
    first = asked.post(LISTS, json={**body, "metric": "purchase", "planned_look": "2026-06-01"}).json()
    again = asked.post(LISTS, json={**body, "metric": "purchase", "planned_look": "2026-06-01"}).json()
    other = asked.post(LISTS, json={**body, "top": 61})

    assert first == again
    assert first["written"] + len(first["holdout_ids"]) == first["members"] == 60
    assert first["left_out"] == {"holdout": len(first["holdout_ids"])}
    assert {one["customer_id"] for one in first["customers"]}.isdisjoint(first["holdout_ids"])
    file = peopled / "campaigns" / first["campaign"] / "campaign.json"
    campaign = json.loads(file.read_bytes())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert campaign.keys() >= {"id", "made", "salt", "holdout", "list", "versions", "window", "metric", "planned_look"}
    assert {name: arm["n"] for name, arm in campaign["arms"].items()} == {
        "treated": first["written"],
        "held_out": len(first["holdout_ids"]),
    }
    assert not any(f'"{who}"' in file.read_text() for who in first["holdout_ids"])
    assert is_problem(other, 409, "salt-reused")["errors"][0]["pointer"] == "/salt"


def test_a_list_with_a_key_is_made_once(asked: httpx.Client, peopled: Path) -> None:
    """The repeat, its keys in another order, has the same salt, campaign and request; another body is refused."""
    body, once = {"use_case": "churn", "top": 40, "holdout": 0.25}, {"idempotency-key": f"list-{asked.base_url.port}"}

    first = asked.post(LISTS, json=body, headers=once)
    again = asked.post(LISTS, json=dict(reversed(body.items())), headers=once)
    other = asked.post(LISTS, json={**body, "top": 41}, headers=once)
    wrong = asked.post(LISTS, json={**body, "top": 0}, headers={"idempotency-key": "never-used"})

    assert first.content == again.content
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert is_problem(other, 409, "idempotency-key-reused")["request_id"] == other.headers["x-request-id"]
    is_problem(wrong, 422, "invalid-request")
    assert stat.S_IMODE((peopled / "answered.db").stat().st_mode) == 0o600


def test_a_day_that_is_too_old_leaves_on_no_list(asked: httpx.Client, peopled: Path) -> None:
    """A 409 with the rule; pages go on, and so do lists once nothing is said of an age."""
    file = peopled / "run.toml"
    file.write_text('[deliver]\nmax_age = "36h"\n')
    try:
        refused, page = asked.post("/v1/lists", json={"use_case": "churn", "top": 3}), asked.get("/v1/customers")
    finally:
        file.unlink()

    assert "max_age" in is_problem(refused, 409, "population-too-old")["detail"]
    assert page.status_code == 200
    assert asked.post("/v1/lists", json={"use_case": "churn", "top": 3}).status_code == 200


def test_whoever_objects_leaves_lists_and_pages_at_once(asked: httpx.Client, peopled: Path) -> None:
    """Counted as suppressed, and found no more."""
    first = asked.post(LISTS, json={"use_case": "propensity", "top": 5}).json()["customers"][0]["customer_id"]
    suppression.add(peopled, [first])
    try:
        answer = asked.post(LISTS, json={"use_case": "propensity", "top": 5}).json()
        page = asked.get(PAGE, params={"limit": "1000"}).json()
        [looked_up] = asked.post(LOOKUP, json={"customer_ids": [first]}).json()["customers"]
    finally:
        suppression.remove(peopled, [first])

    assert answer["left_out"] == {"suppressed": 1}
    assert first not in {one["customer_id"] for one in [*answer["customers"], *page["customers"]]}
    assert (page["total"], looked_up["known"]) == (599, False)


@pytest.mark.parametrize("path", POSTED)
def test_a_key_needs_the_scope(asked: httpx.Client, keys: dict[str, dict[str, str]], path: str) -> None:
    """One that may score may not list."""
    is_problem(asked.post(path, json=POSTED[path], headers=keys["score"]), 403, "not-allowed")
    is_problem(asked.get(PAGE, headers=keys["score"]), 403, "not-allowed")


@pytest.mark.parametrize(
    ("path", "changes", "fields"),
    [
        (SEARCH, {"contains": "", "limit": 0}, ["contains", "limit"]),
        (LOOKUP, {"customer_ids": ["x"] * 101}, ["customer_ids"]),
        (LISTS, {"top": 0, "threshold": 1, "holdout": 1}, ["holdout", "threshold", "top"]),
        (LISTS, {"window": "90 days", "planned_look": "soon", "salt": ""}, ["planned_look", "salt", "window"]),
        (LISTS, {"use_case": "chrun", "segment": "nowhere"}, ["segment", "use_case"]),
    ],
)
def test_a_wrong_body_is_refused(asked: httpx.Client, path: str, changes: dict[str, Any], fields: list[str]) -> None:
    """422, every broken rule with its place."""
    problem = is_problem(asked.post(path, json={**POSTED[path], **changes}), 422, "invalid-request")

    assert sorted(error["pointer"].split("/")[1] for error in problem["errors"]) == fields


def test_without_a_population_a_sentence_says_what_makes_one(server: Server) -> None:
    """409, by every route."""
    with server.client() as client:
        answers = [client.get(PAGE), *(client.post(path, json=body) for path, body in POSTED.items())]

    for answer in answers:
        assert "penchant run" in is_problem(answer, 409, "no-population")["detail"]
