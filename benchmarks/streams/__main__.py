"""CDNOW as a stream, by the processes of `penchant stream` over a real broker, against the nightly batch of a home.

    python -m benchmarks.streams --broker tansu|kafka|rabbitmq --home .penchant SCENARIO...

Figures on stdout, a line of JSON a scenario; exit 1 where one is not as it must be.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from benchmarks.streams.brokers import KINDS, started
from benchmarks.streams.latency import latency, throughput
from benchmarks.streams.scenarios import SCENARIOS
from benchmarks.streams.shop import ROOT, Shop

ALL = {**SCENARIOS, "throughput": throughput, "latency": latency}


def main() -> int:
    """Each scenario with a broker and a home of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streams", description=__doc__)
    parser.add_argument("scenarios", nargs="+", choices=ALL)
    parser.add_argument("--broker", choices=KINDS, default="tansu")
    parser.add_argument("--home", type=Path, default=ROOT / ".penchant")
    parser.add_argument("--most", type=int, default=500, help="messages a batch")
    parser.add_argument("--customers", type=int, help="the events of so many customers alone (default: of all 23,570)")
    options = parser.parse_args()
    missed = 0
    for name in options.scenarios:
        with tempfile.TemporaryDirectory() as place, started(options.broker, Path(place) / "broker") as broker:
            began = time.monotonic()
            found = ALL[name](Shop(Path(place), options.home, broker, options.most, options.customers))
        about = {"scenario": name, "broker": options.broker, "seconds": round(time.monotonic() - began)}
        print(json.dumps({**about, "load of the machine": round(os.getloadavg()[0], 1), **found}), flush=True)
        missed += not found["as it must be"]
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
