"""`python -m serving.cli.demo`: serves, and once ready shows a real answer, what models are worth, addresses."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TypedDict

import httpx
import msgspec

from features.spec.options import default_home
from features.spec.terminal import print_to_any_terminal
from scoring.answers.wire import Profile, Result
from scoring.population.customer_pages import RankedCustomer
from scoring.population.days import latest_day
from scoring.text.formatting import iso_date
from serving.cli.ports import taken

HOST = "127.0.0.1"
READY_SECONDS = 120.0
RANKED = 3  # customers of a list that are shown
INTERRUPTED = 130
STOPS = (signal.SIGINT, signal.SIGTERM)


class RequestBody(TypedDict):
    """What training left to try a model with: a body of POST /v1/scores."""

    profiles: list[Profile]


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    print_to_any_terminal()
    options = _parser().parse_args(arguments)
    if taken(HOST, options.port):
        print(f"Port {options.port} is taken; choose another: make run PORT={options.port + 1}", file=sys.stderr)
        return 1
    return 0 if options.only_check_port else _serve(options.home, options.port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving.cli.demo", description=__doc__)
    parser.add_argument("--home", type=Path, default=default_home())
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--only-check-port", action="store_true", help="say whether the port is free, and end")
    return parser


def _serve(home: Path, port: int) -> int:
    """Serves in a process of its own until it or this one is stopped."""
    # A signal that came while the server is being started would leave it behind with nobody to end it.
    early: list[int] = []
    for number in STOPS:
        signal.signal(number, lambda received, _frame: early.append(received))
    command = [sys.executable, "-m", "serving", "--home", str(home), "--port", str(port)]
    server = subprocess.Popen(command)
    try:
        for number in STOPS:
            signal.signal(number, _interrupt)
        if early:
            return INTERRUPTED
        with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=30, trust_env=False) as client:
            if _ready(client, server):
                print("\n".join(greeting(home, client)), flush=True)
            elif server.poll() is None:
                print(f"Not ready after {READY_SECONDS:.0f} s; GET /readyz says why.", file=sys.stderr)
        return server.wait()
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        server.terminate()
        server.wait()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ready(client: httpx.Client, server: subprocess.Popen[bytes]) -> bool:
    """Waits until the server is ready; False when it ended first, or is not after `READY_SECONDS`."""
    latest = time.monotonic() + READY_SECONDS
    while server.poll() is None and time.monotonic() < latest:
        try:
            if client.get("/readyz").is_success:
                return True
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    return False


def greeting(home: Path, client: httpx.Client) -> Iterator[str]:
    """The lines to print: a real customer's answer as the server gives it, the worth of each model, where to go on."""
    requests = [json.loads(path.read_bytes()) for path in sorted((home / "requests").glob("*.json"))]
    profiles = one_profile_each(requests)
    if profiles:
        answer = client.post("/v1/scores", json={"profiles": profiles[:1000], "reasons": 3})
        answer.raise_for_status()
        yield from ("", "A customer, as POST /v1/scores answers:", "")
        yield from rendered(fullest(answer.json()["results"]))
    yield from likeliest(client)
    yield from worth(client)
    yield from population(home)
    yield from ("", *_addresses(home, str(client.base_url).rstrip("/")), "", "Serving until interrupted (Ctrl+C).")


def one_profile_each(requests: Sequence[RequestBody]) -> list[Profile]:
    """The posted profiles, those of one customer joined into one that holds the features of both.

    Two profiles are of one customer when the id is the same, some feature stands in both, and all that do agree:
    row 12 of one table is nobody's customer 12.
    """
    joined: list[Profile] = []
    for profile in (profile for request in requests for profile in request["profiles"]):
        same = next((other for other in joined if _same_customer(other, profile)), None)
        if same is None:
            joined.append({"customer_id": profile["customer_id"], "features": dict(profile["features"])})
        else:
            same["features"] = {**same["features"], **profile["features"]}
    return joined


def _same_customer(one: Profile, other: Profile) -> bool:
    shared = one["features"].keys() & other["features"].keys()
    return (
        one["customer_id"] == other["customer_id"]
        and bool(shared)
        and all(one["features"][name] == other["features"][name] for name in shared)
    )


def fullest(results: Sequence[Result]) -> Result:
    """The answer that shows most: the most scores, then a segment; of several the one in the middle."""
    shown = [(_scored(result), result["segment"] is not None) for result in results]
    best = [result for result, shows in zip(results, shown, strict=True) if shows == max(shown)]
    return best[len(best) // 2]


def _scored(result: Result) -> int:
    return sum(score["status"] == "scored" for score in result["scores"].values())


def rendered(result: Result) -> Iterator[str]:
    """One answer as text, a line each for the customer, every score and every reason."""
    segment = result["segment"]
    yield f"  customer {result['customer_id']}" + (f", segment: {segment['label']}" if segment else "")
    for name, score in result["scores"].items():
        if score["status"] != "scored":
            yield f"  {name}: {score['status']}"
            continue
        yield (
            f"  {name}: {score['score']} of 100, band {score['band']['label']}, "
            f"percentile {score['percentile']}, model version {score['model_version']}"
        )
        if comparison := score.get("comparison"):
            yield f"    {comparison}"
        for reason in score["reasons"]:
            yield f"    {'+' if reason['contribution'] > 0 else '-'} {reason['text']}"


def likeliest(client: httpx.Client) -> Iterator[str]:
    """The first of the day's customers by a use case of good news, as the server ranks them; nothing without a day."""
    served = client.get("/v1/use-cases").json()["use_cases"]
    for name in [each["name"] for each in sorted(served, key=lambda each: each["polarity"] != "positive")]:
        answer = client.get("/v1/customers", params={"use_case": name, "order": "-score", "limit": RANKED})
        customers = msgspec.convert(answer.json()["customers"], list[RankedCustomer]) if answer.is_success else []
        if customers:
            yield from ("", f"The first by {name} of the last day, as GET /v1/customers ranks them:", "")
            yield from (_ranked(customer, name) for customer in customers)
            return


def _ranked(customer: RankedCustomer, use_case: str) -> str:
    score = customer.scores[use_case]
    return f"  customer {customer.customer_id}: {score.score} of 100, band {score.band}, segment: {customer.segment}"


def worth(client: httpx.Client) -> Iterator[str]:
    """What each model would have been worth on its test rows, as the server gives it; nothing where none says."""
    names = [served["name"] for served in client.get("/v1/use-cases").json()["use_cases"]]
    documents = {name: client.get(f"/v1/use-cases/{name}").json() for name in names}
    worths = {name: document["worth"]["text"]["en"] for name, document in documents.items() if document.get("worth")}
    if worths:
        yield from ("", "What it would have been worth, on rows that no model learnt from:", "")
        yield from (f"  {name}: {text}" for name, text in worths.items())


def population(home: Path) -> Iterator[str]:
    """How many customers the day in service holds, and of which date; nothing where no day was run."""
    if day := latest_day(home):
        date = iso_date(day.manifest.as_of.date().isoformat(), "en")
        yield from ("", f"{day.manifest.customers:,} customers, as they were on {date}.")


def _addresses(home: Path, root: str) -> list[str]:
    pages = {"console": "/console/", "API": "/docs", "use cases": "/v1/use-cases"}
    posted = sorted((home / "requests").glob("*.json"))
    body = shlex.quote(f"@{posted[0]}") if posted else ""
    return [
        "Open",
        *(f"  {name:<10} {root}{path}" for name, path in pages.items()),
        *(["", "Ask", f"  curl -s -H 'Content-Type: application/json' -d {body} {root}/v1/scores"] if posted else []),
    ]


if __name__ == "__main__":
    sys.exit(main())
