"""In a real browser: a page of another origin, or one whose name was rebound to us, can neither read nor erase."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright

from serving.customers.feature_store import SqliteStore, put
from tests.serving.console.conftest import QUICK
from tests.support.browsers import chromium
from tests.support.models import release_shop, shop_rows
from tests.support.servers import Server, start, stop

WHO, SECRET = "planted-7391", "planted-value-4242"
REBOUND = "evil.example"
# What a hostile page can try: to read a page, to read and erase by calls of every kind a browser lets it make, a form.
ATTACK = """async ({base, who}) => {
  const body = JSON.stringify({customer_ids: [who]}), seen = [];
  const attempt = async (path, options) => {
    try {
      const answer = await fetch(base + path, options);
      seen.push([path, answer.status, await answer.text()]);
    } catch (error) { seen.push([path, 0, String(error)]); }
  };
  for (const path of ["/console/", "/v1/use-cases", "/v1/customers/export", "/openapi.json"]) await attempt(path, {});
  for (const path of ["/v1/customers/export", "/v1/customers/erase"]) {
    for (const mode of ["cors", "no-cors"])
      for (const kind of ["application/json", "text/plain"])
        await attempt(path, {method: "POST", mode, body, headers: {"Content-Type": kind}});
    navigator.sendBeacon(base + path, new Blob([body], {type: "text/plain"}));
  }
  await attempt("/console/customer", {method: "POST", body: new URLSearchParams({customer_id: who})});
  return seen;
}"""


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without keys that knows one customer."""
    home = tmp_path_factory.mktemp("home")
    release_shop(home, "churn", scratch=tmp_path_factory.mktemp("bundles"))
    row = {**next(row for row in shop_rows(50, seed=5) if None not in row.values()), "canal d'achat": SECRET}
    put(home, list(row), [(WHO, list(row.values()))], as_of=4e9)
    running = start(home, tmp_path_factory.mktemp("server"), QUICK)
    yield running
    stop(running)


@pytest.fixture(scope="module")
def trusting(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium for which a hostile name is this machine's, as after a rebinding."""
    running = chromium(
        playwright,
        f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1",
        # Newer Chromiums keep such pages from this machine by themselves; here it is the server that must.
        "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
    )
    yield running
    running.close()


@pytest.fixture
def hostile(trusting: Browser) -> Iterator[Page]:
    """A browser's page whose first document is the attacker's, whatever its address."""
    page = trusting.new_context().new_page()
    page.route("**/attack", lambda route: route.fulfill(content_type="text/html", body="<!doctype html><p>hello"))
    yield page
    page.context.close()


@pytest.mark.parametrize(
    ("origin", "base"),
    [("http://attacker.example", "own"), (f"http://{REBOUND}:{{port}}", ""), ("http://127.0.0.1:1", "own")],
    ids=["another origin", "a rebound name", "another port of this machine"],
)
def test_a_hostile_page_neither_reads_nor_erases(keyless: Server, hostile: Page, origin: str, base: str) -> None:
    """Nothing it is answered tells of a customer or a use case, and the customer is still there."""
    hostile.goto(origin.format(port=urlsplit(keyless.url).port) + "/attack")

    seen = hostile.evaluate(ATTACK, {"base": keyless.url if base == "own" else "", "who": WHO})
    hostile.wait_for_timeout(300)  # a beacon is sent by and by

    assert len(seen) == 13
    assert all(status in (0, 400, 403, 404, 405, 415) for _, status, _ in seen), seen
    told = json.dumps(seen)
    assert SECRET not in told
    assert "churn" not in told
    assert WHO in SqliteStore(Path(keyless.home) / "store.db").find([WHO])


def test_the_same_page_of_our_own_origin_is_answered(keyless: Server, hostile: Page) -> None:
    """So that what the attack is refused for is its origin."""
    hostile.goto(f"{keyless.url}/attack")
    reads = ATTACK.replace('"/v1/customers/export", "/v1/customers/erase"]) {', '"/v1/customers/export"]) {')

    told = json.dumps(hostile.evaluate(reads, {"base": "", "who": WHO}))

    assert SECRET in told
    assert "churn" in told
