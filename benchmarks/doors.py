"""`python -m benchmarks.doors`: the same customers by raw events and by features, through a real server.

Three use cases are trained as they stand: CDNOW, Online Retail II (from PENCHANT_DATA) and the mailing example. A
thousand customers of each are posted both ways; the answers must be equal to the last bit, reasons included.
"""

from __future__ import annotations

import argparse
import json
import runpy
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from benchmarks.pages import server
from benchmarks.processes import cpu_seconds
from benchmarks.tasks import ROOT, Missing, task_file
from features.build.log_table import scoring_table
from features.config.use_case import LogUseCase
from tests.support.worlds import load_log

CUSTOMERS, AT_ONCE, SINGLE = 1000, 250, 100  # posted, in one call, one by one
MAILING = ROOT / "examples/b2b-mailing"
_columns = (
    *("use case", "customers", "answers that differ"),
    *(f"CPU ms a profile: {door}, {many} a call" for many in (AT_ONCE, "one") for door in ("events", "features")),
)
_cutoffs = {"cdnow-propensity": (1998, 4, 2), "retail-propensity": (2011, 9, 10), "mailing-propensity": (2026, 6, 1)}


@dataclass(frozen=True)
class Doors:
    """The same customers as a client with histories posts them, and as one with a feature table does."""

    name: str
    by_events: list[dict[str, Any]]
    by_features: list[dict[str, Any]]

    def body(self, profiles: list[dict[str, Any]]) -> dict[str, Any]:
        """A request for all that can be said of some customers."""
        return {"use_cases": [self.name], "profiles": profiles, "reasons": 5, "language": "fr"}


def doors(use_case: LogUseCase, cutoff: datetime, customers: int) -> Doors:
    """A use case's customers at a moment (UTC), drawn with a seed from its feature table."""
    table = scoring_table(use_case, cutoff).drop("eligible")
    chosen = table.sample(min(customers, table.height), seed=1)
    events, traits = _histories(use_case), _traits(use_case, cutoff)
    raw, ready = [], []
    for row in chosen.iter_rows(named=True):
        customer = row.pop("customer_id")
        about = {"traits": traits[customer]} if customer in traits else {}
        raw.append({"customer_id": customer, "events": events[customer], "as_of": cutoff.isoformat(), **about})
        ready.append({"customer_id": customer, "features": row})
    return Doors(use_case.name, raw, ready)


def mailing(folder: Path, *, customers: int, seed: int) -> dict[str, LogUseCase]:
    """The mailing example, written small into a folder, with its use cases."""
    runpy.run_path(str(MAILING / "generate.py"))["write_example"](folder / "data", customers=customers, seed=seed)
    for name in ("propensity", "churn"):
        (folder / f"{name}.toml").write_text((MAILING / f"{name}.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return {name: load_log(folder / f"{name}.toml") for name in ("propensity", "churn")}


def _histories(use_case: LogUseCase) -> dict[str, list[dict[str, Any]]]:
    """Each customer's events under the keys that the API knows; the log's own duplicates are not posted."""
    section = use_case.events
    log = pl.read_parquet(section.path)
    log = log.unique(maintain_order=True) if section.id else log
    keys = {section.timestamp: "ts"} | {name: name for name in (*section.properties, *section.measures)}
    keys |= {section.amount: "amount"} if section.amount else {}
    keys |= {} if isinstance(section.type, str) else {section.type.column: "type"}
    keys |= {section.refund.column: "refund"} if section.refund else {}
    histories: dict[str, list[dict[str, Any]]] = {}
    for row in log.iter_rows(named=True):
        event = {key: _posted(row[column]) for column, key in keys.items()}
        histories.setdefault(str(row[section.customer_id]), []).append(event)
    return histories


def _traits(use_case: LogUseCase, cutoff: datetime) -> dict[str, dict[str, Any]]:
    """Each customer's traits as they were at the cutoff."""
    section = use_case.profiles
    if section is None or section.valid_from is None:
        return {}
    people = pl.read_parquet(section.path).filter(pl.col(section.valid_from) < cutoff.date())
    latest = people.sort(section.valid_from).unique(section.customer_id, keep="last").drop(section.valid_from)
    rows = ({name: _posted(value) for name, value in row.items()} for row in latest.iter_rows(named=True))
    return {str(row.pop(section.customer_id)): row for row in rows}


def _posted(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def main() -> int:
    """Prints a table of milliseconds per profile; 1 where an answer differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.doors", description=__doc__)
    parser.add_argument("--home", type=Path, help="where to train; default: a folder that is removed at the end")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home, cases = options.home or Path(scratch) / "home", _cases(Path(scratch))
        both = {name: doors(case, datetime(*_cutoffs[name], tzinfo=UTC), CUSTOMERS) for name, case in cases.items()}
        _train(cases, home)
        print(f"| {' | '.join(_columns)} |\n|{'---|' * len(_columns)}", flush=True)
        with server(home, Path(scratch)) as (pid, address), httpx.Client(base_url=address, timeout=120) as client:
            apart = sum(_compared(pid, client, each) for each in both.values())
    return 1 if apart else 0


def _cases(folder: Path) -> dict[str, LogUseCase]:
    """The use cases whose data is there."""
    cases = {"mailing-propensity": mailing(folder, customers=6000, seed=7)["propensity"]}
    for name in ("cdnow-propensity", "retail-propensity"):
        try:
            cases[name] = load_log(task_file(name, folder))
        except Missing:
            print(f"{name}: its data is not in PENCHANT_DATA", file=sys.stderr)
    return cases


def _train(cases: Mapping[str, LogUseCase], home: Path) -> None:
    from training.registry.mlflow_registry import Registry
    from training.train import train

    registry = Registry(home)
    for case in cases.values():
        train(case, home=home, registry=registry, mode="always")


def _compared(pid: int, client: httpx.Client, each: Doors) -> int:
    """Posts everyone both ways, many a call, and some one by one; how many answers differ."""
    apart, spent = 0, []
    for size, many in ((AT_ONCE, CUSTOMERS), (1, SINGLE)):
        answers = []
        for profiles in (each.by_events[:many], each.by_features[:many]):
            bodies = [json.dumps(each.body(profiles[at : at + size])) for at in range(0, len(profiles), size)]
            results, cpu = _posts(pid, client, bodies)
            answers.append(results)
            spent.append(1000 * cpu / len(profiles))
        apart += sum(one != other for one, other in zip(*answers, strict=True))
    cells = [each.name, f"{len(each.by_events):,}", str(apart), *(f"{ms:.2f}" for ms in spent)]
    print(f"| {' | '.join(cells)} |", flush=True)
    return apart


def _posts(pid: int, client: httpx.Client, bodies: list[str]) -> tuple[list[Any], float]:
    """All results of some requests, and the processor seconds of the server's tree, after one request to warm it."""
    head = {"content-type": "application/json"}
    client.post("/v1/scores", content=bodies[0], headers=head).raise_for_status()
    before, results = cpu_seconds(pid), []
    for body in bodies:
        answer = client.post("/v1/scores", content=body, headers=head)
        answer.raise_for_status()
        results += answer.json()["results"]
    return results, cpu_seconds(pid) - before


if __name__ == "__main__":
    raise SystemExit(main())
