"""What a use case states is read on every page, in place of its name and of the values its data have."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.serving.console.conftest import LANGUAGES
from tests.support.shop import STATED

PAGES = (
    "/console/",
    "/console/customers?use_case=propensity",
    "/console/customer",
    "/console/segments",
    "/console/models/propensity?capacity=100",
)
CONTRACT = Path(__file__).parents[2] / "contract" / "use-case.schema.json"
MACHINES = r"<(code|textarea|pre|script|style)\b.*?</\1>"  # what is read by machines, or typed for them


def read(page: str) -> str:
    """What a person reads of a page, rules and commands left out."""
    plain = re.sub(MACHINES, " ", page, flags=re.DOTALL)
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", plain).split()))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_no_page_shows_the_name_of_a_use_case_with_a_title(client: httpx.Client, path: str, language: str) -> None:
    """Its title stands there; a use case without one is shown by its name, as ever."""
    page = read(client.get(path, headers={"accept-language": language}).text)

    assert STATED["title"][language] in page
    assert "propensity" not in page
    assert "churn" in page
    if "propensity" in path or path == "/console/":
        assert STATED["outcome"][language] in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_reads_in_stated_texts(client: httpx.Client, profile: dict[str, Any], language: str) -> None:
    """Title, outcome and the label of each value, in reasons, in the table of features and in the what-if."""
    told = {**profile, "features": {**profile["features"], "canal d'achat": "boutique"}}
    posted = {"profile": json.dumps({"use_cases": ["propensity"], "profiles": [told]})}

    page = client.post(f"/console/customer?language={language}", data=posted).text

    card, labels = read(page), STATED["labels"][language]["canal d'achat"]
    assert STATED["title"][language] in card
    assert STATED["outcome"][language] in card
    assert re.search(f"canal d'achat ?: {labels['Store']}", card)
    assert "Store" not in card
    assert labels["web"] in card  # offered by the what-if
    assert 'value="web"' in page


@pytest.mark.parametrize(
    ("language", "warning"),
    [
        ("en", r"Days since the last purchase: The value lies outside the range met in training. 97%"),
        ("fr", r"Jours depuis le dernier achat : la valeur est hors de l'étendue vue à l'apprentissage. 97 %"),
    ],
)
def test_a_warning_of_nearly_all_customers_stands_on_the_model(
    client: httpx.Client, language: str, warning: str
) -> None:
    """Once, by the feature's name, with the share of customers; a model that has none shows no such heading."""
    pages = [read(client.get(f"/console/models/{name}?language={language}").text) for name in ("propensity", "churn")]
    heading = {"en": "Warnings of nearly all customers", "fr": "Avertissements de presque tous les clients"}[language]

    assert warning in pages[0]
    assert [heading in page for page in pages] == [True, False]
    described = [client.get(f"/v1/use-cases/{name}").json() for name in ("propensity", "churn")]
    for one in described:
        jsonschema.validate(one, json.loads(CONTRACT.read_text(encoding="utf-8")))
    assert [one.get("usual_warnings", [{}])[0].get("share") for one in described] == [0.97, None]


def test_the_api_states_them_beside_the_names(client: httpx.Client) -> None:
    """In the list of use cases and in each one's description; nothing of a use case that states none."""
    lines = {line["name"]: line for line in client.get("/v1/use-cases").json()["use_cases"]}
    described = {name: client.get(f"/v1/use-cases/{name}").json() for name in lines}

    for found in (lines, described):
        assert found["propensity"]["title"] == STATED["title"]
        assert found["propensity"]["outcome"] == STATED["outcome"]
        assert not found["churn"].keys() & {"title", "outcome"}
