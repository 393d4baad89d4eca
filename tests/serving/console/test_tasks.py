"""What people come for, done in a real browser in both languages."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pyarrow.parquet as pq
import pytest

from features.spec.languages import Language
from scoring.privacy.suppression import add
from serving.auth.api_keys import add_key
from serving.console.views.score_history import earlier as earlier_scores
from serving.console.web.i18n import Texts
from serving.customers.decision_log import decisions_of
from serving.settings import Settings
from serving.worker.request_context import CONTEXT, RequestContext
from serving.worker.runtime import Runtime
from tests.serving.console.conftest import LANGUAGES, Open, Seen, running, score, unfold
from tests.support.barriers import barriers
from tests.support.models import shop_rows
from tests.support.servers import Server, until
from tests.support.shop import CUSTOMERS, called

NEXT = "[data-part=then] data"


def answer(client: httpx.Client, profile: Any, **more: Any) -> dict[str, Any]:
    """The first result of POST /v1/scores."""
    result: dict[str, Any] = client.post("/v1/scores", json={"profiles": [profile], **more}).json()["results"][0]
    return result


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pasted_profile_is_scored_and_explained(
    server: Server, client: httpx.Client, open_page: Open, profile: dict[str, Any], language: str
) -> None:
    """Score, band, percentile, distance, version, date, segment, reasons, waterfall, features: as the API has them."""
    expected = answer(client, profile, reasons=6, language=language)
    seen = open_page(server, "/console/customer", language=language)
    score(seen, profile)

    text = seen.page.inner_text("main")
    assert expected["segment"]["label"] in text
    for name, told in expected["scores"].items():
        card = f"section[data-use-case={name}]"
        assert float(seen.told(f"{card} .figure")) == told["probability"]
        assert seen.page.locator(f"{card} .reasons .reason-text").all_inner_texts() == [
            r["text"] for r in told["reasons"]
        ]
        assert 3 <= len(told["reasons"]) <= 6
        [opened] = [reason["parts"] for reason in told["reasons"] if len(reason["parts"]) > 1]
        seen.page.click(f"{card} .parts summary")
        parts = seen.page.locator(f"{card} .parts .part-text")
        assert parts.count() == len(opened) == 2
        assert all(parts.nth(at).is_visible() for at in range(2))
        assert told["band"]["label"] in seen.page.inner_text(card)
        assert told["model_version"] in seen.page.inner_text(card)
    assert ("2 April 1998" if language == "en" else "2 avril 1998") in text
    assert "joined on" not in seen.page.inner_text("section[data-use-case=churn]").lower()
    assert profile["customer_id"] not in "".join(seen.asked)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_uploaded_profile_is_scored(
    server: Server, open_page: Open, profile: dict[str, Any], tmp_path: Path, language: str
) -> None:
    """Also without JavaScript."""
    file = tmp_path / "profile.json"
    file.write_text(json.dumps(profile), encoding="utf-8-sig")
    seen = open_page(server, "/console/customer", language=language, java_script_enabled=False)
    unfold(seen)
    seen.page.set_input_files("#file", file)
    seen.page.click("form[action*=upload] button")

    assert seen.page.locator("h1").inner_text() == profile["customer_id"]
    assert seen.page.locator("section[data-use-case]").count() == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_customer_is_found_by_id(server: Server, client: httpx.Client, open_page: Open, language: str) -> None:
    """The id is posted and never stands in an address; an unknown one is said to be unknown."""
    expected = client.post("/v1/scores", json={"customer_ids": ["known-1"]}).json()["results"][0]["scores"]["churn"]
    seen = open_page(server, "/console/customer", language=language)
    seen.page.fill("#customer-id", "known-1")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_selector("section[data-use-case=churn]")

    assert seen.page.locator("h1").inner_text() == "known-1"
    assert float(seen.told("section[data-use-case=churn] .figure")) == expected["probability"]
    seen.page.locator("input[type=range]").first.fill("9")
    seen.page.wait_for_function("was => Number(document.querySelector('[data-part=then] data').value) !== was", arg=0)
    seen.page.click("form.switch button")
    seen.page.wait_for_selector(f"html:not([lang={language}])")
    assert seen.page.locator("h1").inner_text() == "known-1"
    assert "known-1" not in "".join(seen.asked)
    seen.page.goto(f"{server.url}/console/customer")
    seen.page.fill("#customer-id", "nobody")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_selector("[role=status]")
    assert {"en": "Nobody of this id", "fr": "Personne sous cet identifiant"}[language] in seen.page.inner_text("main")


@pytest.mark.parametrize("language", LANGUAGES)
def test_earlier_scores_are_told(server: Server, client: httpx.Client, open_page: Open, language: str) -> None:
    """As they were given, with today's labels; nothing of one who objected or was erased; no barrier."""
    who = f"earlier-{language}"
    profile = {"customer_id": who, "features": shop_rows(1, seed=17)[0]}
    told = answer(client, profile, language=language)
    until(lambda: bool(decisions_of(server.home, [who])))
    seen = open_page(server, "/console/customer", language=language)
    score(seen, profile)

    rows = seen.page.locator(".earlier tbody tr").all_inner_texts()
    scored = {name: score for name, score in told["scores"].items() if score["status"] == "scored"}
    assert len(rows) == len(scored) > 0
    for name, one in scored.items():
        said = (called(name, language), one["band"]["label"], told["segment"]["label"])
        assert any(all(text in row for text in said) for row in rows)
    assert barriers(seen.page) == []
    client.post("/v1/customers/erase", json={"customer_ids": [who]})
    seen.page.reload()
    assert {"en": "holds no earlier score", "fr": "ne contient aucun score"}[language] in earlier(seen)
    add(server.home, [who])
    until(lambda: answer(client, profile)["scores"]["churn"]["status"] == "opted_out")
    seen.page.reload()
    assert {"en": "has opted out", "fr": "opposé"}[language] in earlier(seen)


def earlier(seen: Seen) -> str:
    """What the page says of earlier scores."""
    return seen.page.inner_text("section[aria-labelledby=earlier]")


def test_no_earlier_score_is_told_where_none_is_kept(tmp_path: Path) -> None:
    """The log is off by default, and a profile may have no id; each is said."""
    for on, why in ((False, "earlier_off"), (True, "earlier_nameless")):
        runtime = Runtime(Settings(home=tmp_path, decisions=on))
        CONTEXT.set(RequestContext("r", runtime, runtime.snapshot))
        assert earlier_scores(None, Texts("fr")).why == why


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_if_scores_every_move_of_a_slider(
    server: Server, client: httpx.Client, open_page: Open, profile: dict[str, Any], language: str
) -> None:
    """Each value gives the very score the API gives for the changed profile; influence is said, cause is not."""
    seen = open_page(server, "/console/customer", language=language)
    score(seen, profile)
    shown = seen.page.locator(f"tr[data-use-case=churn] {NEXT}")
    for value in (0, 7, 10):
        changed = {**profile, "features": {**profile["features"], "purchases_90d": value}}
        expected = answer(client, changed)["scores"]["churn"]["probability"]
        seen.page.locator("input[type=range]").first.fill(str(value))
        seen.page.wait_for_function(
            "([part, wanted]) => Math.abs(document.querySelector(part).value - wanted) < 1e-12",
            arg=[f"tr[data-use-case=churn] {NEXT}", expected],
        )
        assert float(shown.get_attribute("value") or "nan") == expected

    assert {"en": "it does not cause", "fr": "elle ne cause pas"}[language] in seen.page.inner_text("#whatif ~ p")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_if_works_without_javascript_and_keeps_its_bounds(
    server: Server, client: httpx.Client, open_page: Open, profile: dict[str, Any], language: str
) -> None:
    """A form and a button do the same; a value out of bounds is refused with the bounds."""
    seen = open_page(server, "/console/customer", language=language, java_script_enabled=False)
    score(seen, profile)
    seen.page.fill("input[name='set.purchases_90d']", "9")
    seen.page.select_option("select[name='set.subscribed']", "true")
    seen.page.click("form[action*=what-if] button")

    changed = {**profile, "features": {**profile["features"], "purchases_90d": 9, "subscribed": True}}
    expected = answer(client, changed)["scores"]["propensity"]["probability"]
    assert float(seen.told("tr[data-use-case=propensity] [data-part=then]")) == expected
    seen.page.fill("input[name='set.purchases_90d']", "11")
    seen.page.click("form[action*=what-if] button")
    assert "10" in seen.page.inner_text("#result [role=alert]")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_customer_prints_to_one_page_and_saves_as_one_file(
    server: Server, open_page: Open, profile: dict[str, Any], tmp_path: Path, language: str
) -> None:
    """The file shows the same numbers with nothing but itself."""
    seen = open_page(server, "/console/customer", language=language)
    score(seen, profile)
    pages = len(re.findall(rb"/Type\s*/Page\b", seen.page.pdf(prefer_css_page_size=True)))
    figure = seen.told(".figure")
    with seen.page.expect_download() as saved:
        seen.page.click("form[action*=export] button")
    saved.value.save_as(tmp_path / "customer.html")
    content = (tmp_path / "customer.html").read_text(encoding="utf-8")

    assert pages == 1
    assert saved.value.suggested_filename == "penchant-customer.html"
    assert figure in content
    assert not re.search(r"<script|<link|<form|<img|src=|@import|url\(|href=", content)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_planner_answers_as_it_is_asked(server: Server, open_page: Open, language: str) -> None:
    """Capacity, precision, cost and value give size, hits with an interval and profit, by slider and by button."""
    seen = open_page(server, "/console/models/churn", language=language)
    seen.page.locator("#capacity + input[type=range]").fill("50")
    seen.page.wait_for_function("() => Number(document.querySelector('[data-part=size] data').value) <= 50")
    seen.page.fill("#cost", "1")
    seen.page.fill("#value", "5")
    seen.page.wait_for_selector("[data-part=profit]")
    size, hits = float(seen.told("[data-part=size]")), float(seen.told("[data-part=hits]"))

    assert 0 < hits <= size <= 50
    assert float(seen.told("[data-part=profit]")) == pytest.approx(5 * hits - size)
    seen.page.fill("#precision", "101")
    seen.page.wait_for_selector("#result .notice")
    plain = open_page(server, "/console/models/churn", language=language, java_script_enabled=False)
    plain.page.fill("#capacity", "")
    plain.page.fill("#precision", "70")
    plain.page.click(".planner button")
    assert float(plain.told("[data-part=precision]")) >= 0.7


@pytest.mark.parametrize(
    ("name", "reached"),
    [("churn", ("Leavers reached", "Partants atteints")), ("propensity", ("Expected hits", "Succès attendus"))],
)
def test_the_planner_speaks_of_what_it_reaches(client: httpx.Client, name: str, reached: tuple[str, str]) -> None:
    """Leavers are reached and departures avoided, they are no successes; where all choices lose, nobody is called."""
    languages: tuple[Language, Language] = ("en", "fr")
    for language, words in zip(languages, reached, strict=True):
        path = f"/console/models/{name}/plan?language={language}"
        said = client.get(f"{path}&cost=1&value=20&save_rate=30").text
        losing = client.get(f"{path}&cost=1000&value=1").text

        assert words in said
        assert ('data-part="saved"' in said) == (name == "churn")
        assert Texts(language)["plan_nobody"] in losing
        assert 'data-part="size"' not in losing


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_model_page_says_how_good_and_what_for(
    server: Server, client: httpx.Client, open_page: Open, language: str
) -> None:
    """Its figures are the API's; ROC, gain, lift and calibration are drawn; findings, use, bands, versions are told."""
    document = client.get("/v1/use-cases/churn").json()
    seen = open_page(server, "/console/models/churn", language=language)

    for name, value in document["metrics"].items():
        assert float(seen.told(f"[data-metric={name}] td:nth-of-type(1)")) == value
        assert float(seen.told(f"[data-metric={name}] td:nth-of-type(2)")) == document["baselines"]["logit"][name]
    for band in document["bands"]["realised"]:
        assert float(seen.told(f"[data-band={band['code']}]")) == band["realised"]
    assert seen.page.locator("svg.chart").count() == 8
    text = seen.page.inner_text("main")
    for part in (document["intended_use"][language], document["worth"]["text"][language], "It is today's."):
        assert part in text
    assert seen.page.locator("[aria-labelledby=versions] tbody tr").count() == 2
    seen.page.click("header a >> text=/Report|Rapport/")
    assert seen.page.title() == "report"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_gates_decisions_are_told_and_why(server: Server, open_page: Open, language: str) -> None:
    """Promotions, refusals and what was kept back, the newest first, in words of the language with their figures."""
    seen = open_page(server, language=language)
    rows = seen.page.locator(".verdicts li").all_inner_texts()
    words = {"en": ("refused", "Evidence of a leak", "promoted"), "fr": ("refusée", "Indice d'une fuite", "promue")}

    assert len(rows) == 5
    assert "as it was told" in next(row for row in rows if called("propensity", language) in row)
    leaky = next(row for row in rows if "leaky" in row)
    assert words[language][0] in leaky
    assert words[language][1] in leaky
    assert "duration" in leaky
    assert barriers(seen.page) == []
    seen.page.goto(f"{server.url}/console/models/churn")
    kept, better, first = seen.page.locator(".verdicts li").all_inner_texts()
    assert words[language][2] in better
    assert {"en": "0.0123 [0.0010, 0.0200]", "fr": "0,0123 [0,0010\u202f; 0,0200]"}[language] in better
    assert "31" in better
    assert {"en": "against 0.6000 of the base rate", "fr": "contre 0,6000 pour le taux moyen"}[language] in first
    assert {"en": "cannot score today's rows", "fr": "ne peut pas évaluer"}[language] in kept


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_became_of_each_segment_is_told(
    server: Server, client: httpx.Client, open_page: Open, language: str
) -> None:
    """Sizes, outcomes with their interval, reasons and scores inside: the API's figures, which are the report's."""
    report = json.loads((server.home / "segments" / "report.json").read_bytes())
    answer = client.get("/v1/segments").json()
    became = {segment["code"]: segment["became"] for segment in answer["segments"]}
    components = client.get("/openapi.json").json()["components"]
    jsonschema.validate(answer, {"$ref": "#/components/schemas/Segments", "components": components})
    seen = open_page(server, "/console/segments", language=language)

    def told(code: str, part: str) -> list[float]:
        found = seen.page.locator(f"[data-inside={code}] [data-part={part}] data").all()
        return [float(value.get_attribute("value") or "nan") for value in found]

    assert answer["report"]["outcome"] == "bought"
    assert "bought" in seen.page.inner_text("[aria-labelledby=inside]")
    assert list(became) == [segment["code"] for segment in answer["segments"] if segment["became"]]
    for segment in report["segments"]:
        code, realised = segment["code"], segment["realised"]
        assert became[code].items() <= segment.items()
        assert (told(code, "before"), told(code, "after")) == ([segment["before"]], [segment["after"]])
        assert told(code, "realised") == ([realised["rate"]] if realised["known"] else [])
        for name, predicted in segment["predicted"].items():
            assert told(code, f"predicted-{name}") == ([] if predicted is None else [predicted])
            reasons = segment["reasons"].get(name, [])
            assert told(code, f"why-{name}") == [reason["contribution"] for reason in reasons]
            assert told(code, f"share-{name}") == [reason["share"] for reason in reasons]
            assert sum(segment["scores"][name]) <= segment["after"]
    assert seen.page.locator("[data-inside] svg.shares").count() == sum(
        any(counts) for segment in became.values() for counts in segment["scores"].values()
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_audience_is_counted_and_saved(server: Server, open_page: Open, tmp_path: Path, language: str) -> None:
    """Those who agreed and can be reached; how many were left out, and why; without JavaScript too; no barrier."""
    snapshot = pq.read_table(json.loads((server.home / "segments/sizes.json").read_bytes())["snapshot"])
    members = {row["customer_id"] for row in snapshot.to_pylist() if "promising" in row["path"]}
    agreed = members & {f"m{n}" for n in range(1, CUSTOMERS - 10, 2)}
    barred = {"en": min(agreed), "fr": max(agreed)}[language]
    add(server.home, [barred])
    seen = open_page(server, "/console/segments", language=language, java_script_enabled=language == "en")
    seen.page.select_option("#segment", "promising")
    seen.page.select_option("#format", "mailchimp")
    seen.page.click("#audience form button")
    seen.page.wait_for_selector("[data-audience=promising]")
    counts = {part: int(seen.told(f"[data-part={part}]")) for part in ("members", "written", "no_consent")}
    with seen.page.expect_download() as saved:
        seen.page.click("[data-audience] button")
    saved.value.save_as(tmp_path / "audience.csv")
    rows = list(csv.DictReader((tmp_path / "audience.csv").read_text().splitlines()))

    assert saved.value.suggested_filename == "promising-2026-02-03.csv"
    with server.client() as client:
        sizes = {one["code"]: one["size"] for one in client.get("/v1/segments").json()["segments"]}
    assert counts["members"] == len(members) == sizes["promising"]
    assert counts["written"] == len(rows) > 0
    assert {row["CUSTOMER_ID"] for row in rows} <= agreed - {barred}
    assert counts["no_consent"] > 0
    if language == "en":
        assert barriers(seen.page) == []
        assert '"event":"audience_left"' in server.written()
    assert "@example.com" not in server.written()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_keyboard_is_enough(server: Server, open_page: Open, profile: dict[str, Any], language: str) -> None:
    """From the skip link to a score without a mouse; the language switch keeps the customer."""
    seen = open_page(server, "/console/customer", language=language)
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "skip"
    seen.page.keyboard.press("Enter")
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.id") == "customer-id"
    for _ in range(4):  # past the button and the two links to the summary
        seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.id") == "profile"
    seen.page.keyboard.press("Control+A")
    seen.page.keyboard.insert_text(json.dumps(profile))
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_selector("[data-use-case]")
    seen.page.click("form.switch button")

    assert seen.page.locator("html").get_attribute("lang") != language
    assert seen.page.locator("h1").inner_text() == profile["customer_id"]


def test_an_empty_installation_says_what_to_do(tmp_path: Path, open_page: Open) -> None:
    """In both languages, without a barrier; nothing can be scored, and that is said."""
    (tmp_path / "home").mkdir()
    with running(tmp_path / "home", tmp_path, ready=False) as server:
        for language in LANGUAGES:
            seen = open_page(server, language=language)
            assert "python -m training" in seen.page.inner_text("main")
            assert barriers(seen.page) == []
            for path in ("/console/customer", "/console/segments"):
                assert seen.page.goto(server.url + path).status == 200
            assert "python -m scoring segment-report" in seen.page.inner_text("main")
            assert "penchant run" in seen.page.inner_text("#audience")
            assert barriers(seen.page) == []


def test_a_key_opens_the_console_and_signing_out_closes_it(
    home: Path, tmp_path: Path, open_page: Open, profile: dict[str, Any]
) -> None:
    """Without a session nothing is shown, not even the names of the use cases; a wrong key changes nothing."""
    copied = tmp_path / "home"
    copied.mkdir()
    (copied / "releases").symlink_to(home / "releases")
    token = add_key(copied, "reader", ["score", "explain"])
    with running(copied, tmp_path) as server:
        seen = open_page(server)
        seen.page.fill("#key", "wrong")
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_selector("[role=alert]")
        assert "churn" not in seen.page.content()
        seen.page.goto(f"{server.url}/console/models/churn")
        assert seen.page.url.endswith("/console/sign-in")
        seen.page.fill("#key", token)
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_selector("nav")
        seen.page.goto(f"{server.url}/console/customer")
        score(seen, profile)
        assert seen.page.locator("section[data-use-case]").count() == 2
        assert "admin" in earlier(seen)
        seen.page.goto(f"{server.url}/console/segments")
        assert "admin" in seen.page.inner_text("#audience")
        assert seen.page.locator("#audience form").count() == 0
        [session] = seen.page.context.cookies()
        with server.client() as client:
            form, headers = {"segment": "loyal", "format": "csv"}, {"cookie": f"penchant={session['value']}"}
            for page in ("audience", "segments"):
                assert client.post(f"/console/{page}", data=form, headers=headers).status_code == 403
        seen.page.click("button[name=sign_out]")
        seen.page.wait_for_selector("#key")
        seen.page.goto(f"{server.url}/console/segments")
        assert seen.page.url.endswith("/console/sign-in")
