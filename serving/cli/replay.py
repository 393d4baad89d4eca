"""`python -m serving replay [FEATURES]`: scores logged decisions anew and reports which come out as they were given.

The log holds no feature, so whoever audits brings them: a table as it was then, or the online store as it is now.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from features.spec.feature import CUSTOMER_ID
from features.spec.options import add_shared_options, program
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.errors import BundleError
from scoring.releases.current_pointer import released_use_cases
from scoring.releases.store import load_release
from scoring.storage.leftovers import remove_leftovers
from scoring.storage.sqlite import Reader
from serving.cli.exit_codes import DONE, FAILED, ended
from serving.cli.load import read_rows, readers_of
from serving.customers import feature_store as store
from serving.customers.decision_log import FILE, decisions_of

LoggedScore = Mapping[str, Any]
Features = Mapping[str, Any]
SAME, OTHER, GONE, MUTE = "agrees", "differs", "version gone", "not scored"
_AT_ONCE = 1_000  # customers


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code: 1 where a decision differs."""
    options = _parser().parse_args(arguments)
    remove_leftovers(options.home)
    return ended(lambda: _replay(options), options.file)


def _replay(options: argparse.Namespace) -> int:
    counted: Counter[str] = Counter()
    for compared in replayed(options.home, _customers(options.home, options.file)):
        counted[compared["outcome"]] += 1
        print(json.dumps(compared))
    summary = ", ".join(f"{counted[outcome]:,} {outcome}" for outcome in (SAME, OTHER, GONE, MUTE))
    print(f"{counted.total():,} decisions: {summary}.", file=sys.stderr)
    return FAILED if counted[OTHER] else DONE


def replayed(home: Path, customers: Iterator[tuple[str, Features]]) -> Iterator[dict[str, Any]]:
    """A line for each logged decision about these customers; it names the request, never the customer."""
    live: dict[tuple[str, str], Live | None] = {}
    while some := dict(islice(customers, _AT_ONCE)):
        lines = [(line, some[customer]) for customer, own in decisions_of(home, list(some)).items() for line in own]
        for which, group in groupby(sorted(lines, key=_version), key=_version):
            if which not in live:
                live[which] = _live(home, *which)
            yield from (_compared(line, features, live[which]) for line, features in group)


def _version(pair: tuple[LoggedScore, Features]) -> tuple[str, str]:
    return pair[0]["use_case"], pair[0]["model_version"]


def _live(home: Path, name: str, version: str) -> Live | None:
    """The release of a version; None where it is not in the release store any more, or not what it was."""
    try:
        return Live(load_release(home, name, version=version, threads=1))
    except BundleError:
        return None


def _compared(line: LoggedScore, features: Features, live: Live | None) -> dict[str, Any]:
    facts = {key: line[key] for key in ("request_id", "at", "use_case", "model_version")}
    logged = {key: line[key] for key in ("score", "band", "reasons")}
    if live is None:
        return {**facts, "outcome": GONE, "logged": logged, "replayed": None}
    again = _scored(line, features, live)
    outcome = MUTE if again is None else SAME if again == logged else OTHER
    return {**facts, "outcome": outcome, "logged": logged, "replayed": again}


def _scored(line: LoggedScore, features: Features, live: Live) -> dict[str, Any] | None:
    """What the version says of the features now, with the fields of the log; None where it gives no score."""
    name = live.release.bundle.name
    own = {feature: value for feature, value in features.items() if feature in live.scorer.encoder.names}
    profile = {CUSTOMER_ID: "replayed", "features": own}
    [result] = score_profiles({name: live}, [profile], use_cases=[name], reasons=len(line["reasons"]))
    score = result["scores"].get(name)
    if score is None or score["status"] != "scored":
        return None
    reasons = [reason["code"] for reason in score["reasons"]]
    return {"score": score["score"], "band": score["band"]["code"], "reasons": reasons}


def _customers(home: Path, file: Path | None) -> Iterator[tuple[str, Features]]:
    """Customers and their features, from a table or else from the online store."""
    if file is None:
        yield from _stored(home)
        return
    names = released_use_cases(home)
    columns, rows = read_rows(
        file, readers_of(load_release(home, name).bundle.features for name in names), None, Counter()
    )
    for customer, cells in rows:
        yield customer, dict(zip(columns, cells, strict=True))


def _stored(home: Path) -> Iterator[tuple[str, Features]]:
    """Whoever is in the log, with all that the store holds of them, the latest row last."""
    if not ((home / FILE).exists() and (home / store.FILE).exists()):
        return
    stored = store.SqliteStore(home / store.FILE)
    customers = [customer for (customer,) in Reader(home / FILE).ask("SELECT DISTINCT customer_id FROM decisions")]
    for start in range(0, len(customers), _AT_ONCE):
        for customer, rows in stored.find(customers[start : start + _AT_ONCE]).items():
            merged: dict[str, Any] = {}
            for row in sorted(rows, key=lambda row: row.as_of):
                merged |= row.features
            yield customer, merged


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program('serving')} replay",
        description="Scores logged decisions anew: a line of JSON each; exit 1 where one differs.",
    )
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FEATURES", help="as they were then (default: the online store as it is)"
    )
    add_shared_options(parser, json="as for every command; the lines are JSON in any case")
    return parser
