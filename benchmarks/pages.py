"""`python -m benchmarks.pages`: what each page of the console costs, with a million customers behind every model.

A copy of a trained home is made whose population and online store hold a million customers each; every page is asked
for in turn. Processor time is that of the server's whole tree; weight is compressed, with all that a page loads.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from socket import socket
from statistics import median
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.processes import cpu_seconds
from features.__main__ import main as features
from scoring.bundle.bundle import canonical_json, write_bundle
from scoring.bundle.scorer import Scorer
from scoring.cli.main import main as scoring
from scoring.releases.current_pointer import released_use_cases
from scoring.releases.store import install_release, load_release, make_current
from serving.customers.feature_store import put
from training.bundling.market import market_of
from training.data.clusters import Clusters

ROOT = Path(__file__).parents[1]
CUSTOMERS = 1_000_000
LOADED = ("style.css", "script.js", "icon.svg")


def main() -> int:
    """Prints a table of pages: CPU, wall-clock time, weight."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".penchant"), help="a trained home (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        profile = _enlarge(options.home, home)
        with (
            server(home, Path(scratch), {"PENCHANT_DECISIONS": "on"}) as (pid, address),
            httpx.Client(base_url=address, timeout=60) as client,
        ):
            shared = sum(len(gzip.compress(client.get(f"/console/{name}").content)) for name in LOADED)
            print("| page | CPU ms | ms, median | compressed bytes, with everything |\n|---|---|---|---|")
            for name, asked in _pages(home, profile).items():
                cpu, waited, weight = _measured(pid, client, asked, options.rounds)
                print(f"| {name} | {cpu:.1f} | {waited:.1f} | {weight + shared:,} |")
    return 0


def _enlarge(source: Path, home: Path) -> dict[str, Any]:
    """A home with the same models, a million customers in each one's population, and as many in the online store."""
    random = np.random.default_rng(1)
    for name in released_use_cases(source):
        bundle = load_release(source, name).bundle
        known = Scorer(bundle).bundle.boundaries
        drawn = np.interp(random.random(CUSTOMERS), np.linspace(0.01, 0.99, len(known)), known)
        rows = np.asarray(json.loads(bundle.files["population.json"])["mean"])
        test = random.choice(rows, 5000)
        market = market_of(drawn, test, (random.random(len(test)) < test).astype(np.int8), Clusters.apart(len(test)))
        folder = load_release(source, name).folder
        files = {file: (folder / file).read_bytes() for file in bundle.manifest.files}
        made = home.parent / f"bundle-{name}"
        write_bundle(made, bundle.manifest, {**files, "population.json": canonical_json(market.to_json())})
        install_release(home, name, "1", made, facts={"registered_at": "2026-01-01T00:00:00Z", "run_id": None})
        make_current(home, name, "1")
    if (source / "gate").is_dir():
        shutil.copytree(source / "gate", home / "gate")
    with redirect_stdout(sys.stderr):
        _compare_segments(home)
    profile: dict[str, Any] = json.loads(next((source / "requests").glob("*.json")).read_bytes())["profiles"][0]
    columns, cells = list(profile["features"]), list(profile["features"].values())
    put(home, columns, ((f"c{n}", cells) for n in range(CUSTOMERS)), as_of=time.time())
    return profile


def _compare_segments(home: Path) -> None:
    """Installs the example's eleven segments and leaves a report between two snapshots of its customers."""
    example, scratch = ROOT / "examples/cdnow", home.parent
    scoring(["segments", str(example / "segments.toml"), "--home", str(home)])
    for name, day in (("before", "1998-01-02"), ("after", "1998-04-02")):
        rows, taken = scratch / f"{name}-rows.parquet", scratch / f"{name}.parquet"
        features(["build", str(example / "churn.toml"), "--cutoff", day, "--out", str(rows)])
        scoring(["snapshot", "--home", str(home), "--input", str(rows), "--output", str(taken), "--as-of", day])
    bought = pa.table({"customer_id": pq.read_table(scratch / "after-rows.parquet")["customer_id"].slice(0, 5000)})
    pq.write_table(bought, scratch / "bought.parquet")
    dates = ["--before", str(scratch / "before.parquet"), "--after", str(scratch / "after.parquet")]
    scoring(["segment-report", "--home", str(home), *dates, "--outcomes", str(scratch / "bought.parquet")])


def _pages(home: Path, profile: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, str] | None]]:
    pages: dict[str, tuple[str, str, dict[str, str] | None]] = {
        "overview": ("GET", "/console/", None),
        "customer, the form": ("GET", "/console/customer", None),
        "customer, posted": ("POST", "/console/customer", {"profile": json.dumps(profile)}),
        "customer, by id": ("POST", "/console/customer", {"customer_id": f"c{CUSTOMERS // 2}"}),
        "what if, one move": ("POST", "/console/what-if", {"profile": json.dumps(profile)}),
        "segments, with a report on eleven": ("GET", "/console/segments", None),
        "API description": ("GET", "/docs", None),
    }
    for name in released_use_cases(home):
        pages[f"model {name}"] = ("GET", f"/console/models/{name}", None)
        pages[f"planner {name}, one move"] = ("GET", f"/console/models/{name}/plan?capacity=50000&cost=1&value=9", None)
    return pages


def _measured(
    pid: int, client: httpx.Client, asked: tuple[str, str, dict[str, str] | None], rounds: int
) -> tuple[float, float, int]:
    """Milliseconds of processor time and of waiting for one page, and its compressed size."""
    method, path, form = asked
    answer = client.request(method, path, data=form)
    assert answer.status_code == 200, (path, answer.status_code)
    waited = []
    before = cpu_seconds(pid)
    for _ in range(rounds):
        started = time.perf_counter()
        client.request(method, path, data=form)
        waited.append(time.perf_counter() - started)
    return 1000 * (cpu_seconds(pid) - before) / rounds, 1000 * median(waited), len(gzip.compress(answer.content))


@contextmanager
def server(home: Path, scratch: Path, settings: Mapping[str, str] | None = None) -> Iterator[tuple[int, str]]:
    """A server on a home, once it is ready: its process and its address."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PENCHANT_", "BENTOML_"))}
    own = {"BENTOML_HOME": str(scratch / "bentoml"), "BENTOML_DO_NOT_TRACK": "True", **(settings or {})}
    command = [sys.executable, "-m", "serving", "--home", str(home), "--port", str(port)]
    with (scratch / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=kept | own, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        latest = time.monotonic() + 120
        while not _ready(address):
            if process.poll() is not None or time.monotonic() > latest:
                raise RuntimeError((scratch / "server.log").read_text(errors="replace")[-3000:])
            time.sleep(0.2)
        yield process.pid, address
    finally:
        process.terminate()
        process.wait(20)


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz").status_code == 200
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    raise SystemExit(main())
