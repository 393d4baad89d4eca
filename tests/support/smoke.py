"""Trains a small table, scores it and serves one request, with whatever is installed: `python tests/support/smoke.py`.

It uses the installed package, not the checkout; home and files are in a folder that goes afterwards.
"""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import Any

SHOWN = ("bentoml", "kantoku", "uvicorn", "mlflow", "scikit-learn", "polars", "pyarrow", "duckdb", "numpy", "pandas")
USE_CASE = """
name = "shop"
polarity = "positive"
[table]
path = "shop.csv"
customer_id = "customer_id"
label = "bought"
positive = "yes"
"""
READY_SECONDS = 120


def main() -> int:
    """0 where the model that was trained gives the same score from a file and over HTTP."""
    print("python", sys.version.split()[0], *(f"{name} {version(name)}" for name in ("penchant", *SHOWN)))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_shop(folder)
        [line] = json.loads(penchant(folder, "train", "shop.toml", "--json"))
        print(f"train: version {line['version']}, promoted {line['promoted']}")
        penchant(folder, "score", "--use-case", "shop", "--input", "shop.csv", "--output", "scored.csv")
        header, first = (row.split(",") for row in (folder / "scored.csv").read_text().splitlines()[:2])
        expected = float(dict(zip(header, first, strict=False))['"probability"'])
        answered = served(folder)["results"][0]["scores"]["shop"]["probability"]
        print(f"score: {expected}\nserve: {answered}")
        return 0 if line["promoted"] and answered == expected else 1


def write_shop(folder: Path) -> None:
    """A table in which visits and a region tell who buys, and the use case on it."""
    draw = random.Random(3)
    lines = ["customer_id,visits,spend,region,bought"]
    for number in range(1500):
        visits, spend, region = draw.gauss(0, 1), draw.gauss(0, 1), draw.choice(["north", "south", "east"])
        bought = draw.random() < 1 / (1 + 2.718281828 ** -(1.2 * visits - 0.5 * spend + (region == "north") - 1))
        lines.append(f"c{number},{visits:.3f},{spend:.3f},{region},{'yes' if bought else 'no'}")
    (folder / "shop.csv").write_text("\n".join(lines) + "\n")
    (folder / "shop.toml").write_text(USE_CASE)


def penchant(folder: Path, *words: str) -> str:
    """What a command prints; where it fails the check ends."""
    command = [sys.executable, "-m", "penchant", *words]
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def served(folder: Path) -> dict[str, Any]:
    """The answer of a server to the first row of the table."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "penchant", "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as server:
        try:
            return ask(port, profile(folder))
        finally:
            server.terminate()


def profile(folder: Path) -> dict[str, Any]:
    """The first row of the table as a body of POST /v1/scores."""
    customer, visits, spend, region, _ = (folder / "shop.csv").read_text().splitlines()[1].split(",")
    features = {"visits": float(visits), "spend": float(spend), "region": region}
    return {"profiles": [{"customer_id": customer, "features": features}]}


def ask(port: int, body: dict[str, Any]) -> dict[str, Any]:
    """Posts until the server is there."""
    latest = time.monotonic() + READY_SECONDS
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/scores", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 our own server
                return dict(json.load(answer))
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > latest:
                raise
            time.sleep(0.5)


if __name__ == "__main__":
    raise SystemExit(main())
