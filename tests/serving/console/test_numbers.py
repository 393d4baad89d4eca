"""Every number on a customer's page is the API's."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from tests.serving.console.conftest import LANGUAGES
from tests.support.models import shop_rows
from tests.support.servers import until

CUSTOMERS = 50


class Told(HTMLParser):
    """The exact values of a page by where they stand: use case or feature, and part."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[tuple[str, str], list[float]] = {}
        self.shown: list[tuple[float, str]] = []
        self._where, self._row, self._part, self._open = "", "", "", False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Learns where the next value stands."""
        told = dict(attrs)
        if tag in ("section", "tr"):
            self._part = ""
        if tag == "section":
            self._where = told.get("data-use-case") or ""
        if tag == "tr":
            self._row = told.get("data-feature") or ""
        if self._row and "data-use-case" in told:
            self._where, self._part = told["data-use-case"] or "", f"feature {self._row}"
        self._part = told.get("data-part") or ("figure" if told.get("class") == "figure" else self._part)
        if tag == "data":
            value = float(told["value"] or "nan")
            self.values.setdefault((self._where, self._part), []).append(value)
            self._open = True
            self.shown.append((value, ""))

    def handle_data(self, data: str) -> None:
        """Keeps what is shown of a value."""
        if self._open:
            self.shown[-1] = (self.shown[-1][0], self.shown[-1][1] + data)

    def handle_endtag(self, tag: str) -> None:
        """Ends a value."""
        if tag == "data":
            self._open = False


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_is_the_apis(client: httpx.Client, language: str) -> None:
    """For 50 random customers, nulls among them; the waterfall's bars add up to a * margin + b."""
    scored = 0
    for number, row in enumerate(shop_rows(CUSTOMERS, seed=17)):
        profile = {"customer_id": f"c{number}", "features": row}
        result = client.post("/v1/scores", json={"profiles": [profile], "reasons": 6, "language": language}).json()
        told = Told(client.post(f"/console/customer?language={language}", data={"profile": json.dumps(profile)}).text)
        for name, score in result["results"][0]["scores"].items():
            if score["status"] != "scored":
                assert (name, "figure") not in told.values
                continue
            scored += 1
            explained = client.post(
                "/v1/explanations", json={"use_case": name, "profile": profile, "language": language}
            ).json()
            assert told.values[name, "figure"] == [score["probability"]]
            assert told.values[name, "score"] == [score["score"]]
            assert told.values[name, "percentile"] == [score["percentile"]]
            following = score["next_band"]
            assert told.values.get((name, "distance"), []) == ([following["distance"]] if following else [])
            for feature, amount in explained["contributions"].items():
                assert told.values[name, f"feature {feature}"] == [amount]
            opened = [reason["parts"] for reason in score["reasons"] if len(reason["parts"]) > 1]
            assert told.values[name, "parts"] == [part["contribution"] for parts in opened for part in parts]
            base, *steps, total = told.values[name, "step"]
            log_odds = explained["calibration"]["a"] * explained["margin"] + explained["calibration"]["b"]
            assert base == explained["base_value"]
            assert abs(base + sum(steps) - log_odds) < 1e-9
            assert abs(total - log_odds) < 1e-9
            assert told.values[name, "so-far"][-1] == score["probability"]

    assert scored > CUSTOMERS


def test_earlier_scores_are_the_apis(client: httpx.Client) -> None:
    """For 50 random customers, what the decisions log tells of them over HTTP, the newest first."""
    profiles = [{"customer_id": f"e{n}", "features": row} for n, row in enumerate(shop_rows(CUSTOMERS, seed=23))]
    for _ in range(2):
        results = client.post("/v1/scores", json={"profiles": profiles}).json()["results"]
    given = 2 * sum(score["status"] == "scored" for one in results for score in one["scores"].values())
    asked = {"customer_ids": [profile["customer_id"] for profile in profiles]}
    until(lambda: sum(len(one["decisions"]) for one in export(client, asked)) == given)

    for number, (profile, held) in enumerate(zip(profiles, export(client, asked), strict=True)):
        language = LANGUAGES[number % 2]
        page = client.post(f"/console/customer?language={language}", data={"profile": json.dumps(profile)}).text
        assert Told(page).values.get(("", "earlier"), []) == [line["score"] for line in held["decisions"]][::-1]
    assert given > 2 * CUSTOMERS


def export(client: httpx.Client, asked: Any) -> list[dict[str, Any]]:
    """What is held of customers."""
    told: list[dict[str, Any]] = client.post("/v1/customers/export", json=asked).json()["customers"]
    return told


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_shown_is_the_exact_value_rounded(client: httpx.Client, language: str) -> None:
    """A shown number is its exact value to the shown decimals, with the signs of the language."""
    profile = {"customer_id": "c", "features": shop_rows(1, seed=17)[0]}
    page = client.post(f"/console/customer?language={language}", data={"profile": json.dumps(profile)}).text
    for value, text in Told(page).shown:
        plain = text.replace("\u202f", "").replace("\u2212", "-")
        plain = plain.replace(",", ".") if language == "fr" else plain.replace(",", "")
        found = re.search(r"[+-]?\d+(\.\d+)?", plain)
        assert found, text
        scale = 100 if "%" in text or "points" in text else 1
        assert abs(float(found[0]) - scale * value) <= 0.5 * 10 ** -len((found[1] or ".")[1:]) + 1e-9
        assert language == "en" or "." not in text


@pytest.mark.parametrize(("language", "said"), [("en", "Days since the last purchase"), ("fr", "Jours depuis")])
def test_of_whom_a_model_speaks_is_said_by_what_the_feature_measures(
    client: httpx.Client, language: str, said: str
) -> None:
    """Not by its name in the table."""
    text = client.get(f"/console/models/churn?language={language}").text

    assert "days_since_purchase ≤" not in text
    assert re.search(rf"<dd>{said}[^<]*≤[^<]*380[^<]*</dd>", text)
