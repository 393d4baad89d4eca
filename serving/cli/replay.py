"""`python -m serving replay [FEATURES]`: scores logged decisions anew and reports which come out as they were given.

The log holds no feature, so whoever audits brings them: a table as it was then, or the online store as it is now.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import TypedDict

from features.spec.feature import CUSTOMER_ID, Json, Row
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
from serving.customers.kept import DecisionLine

SAME, OTHER, GONE, MUTE = "agrees", "differs", "version gone", "not scored"
_AT_ONCE = 1_000  # customers


class GivenScore(TypedDict):
    """What a decision gave."""

    score: float
    band: str
    reasons: list[str]


class ReplayedScore(TypedDict):
    """A logged decision and what its version gives now; null where that is gone, or gives none."""

    request_id: str
    at: str
    use_case: str
    model_version: str
    outcome: str
    logged: GivenScore
    replayed: GivenScore | None


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


def replayed(home: Path, customers: Iterator[tuple[str, Row]]) -> Iterator[ReplayedScore]:
    """A line for each logged decision about these customers; it names the request, never the customer."""
    live: dict[tuple[str, str], Live | None] = {}
    while some := dict(islice(customers, _AT_ONCE)):
        lines = [(line, some[customer]) for customer, own in decisions_of(home, list(some)).items() for line in own]
        for which, group in groupby(sorted(lines, key=_version), key=_version):
            if which not in live:
                live[which] = _live(home, *which)
            yield from (_compared(line, features, live[which]) for line, features in group)


def _version(pair: tuple[DecisionLine, Row]) -> tuple[str, str]:
    return pair[0]["use_case"], pair[0]["model_version"]


def _live(home: Path, name: str, version: str) -> Live | None:
    """The release of a version; None where it is not in the release store any more, or not what it was."""
    try:
        return Live(load_release(home, name, version=version, threads=1))
    except BundleError:
        return None


def _compared(line: DecisionLine, features: Row, live: Live | None) -> ReplayedScore:
    logged: GivenScore = {"score": line["score"], "band": line["band"], "reasons": line["reasons"]}
    again = None if live is None else _scored(line, features, live)
    outcome = GONE if live is None else MUTE if again is None else SAME if _alike(again, logged) else OTHER
    return {
        "request_id": line["request_id"],
        "at": line["at"],
        "use_case": line["use_case"],
        "model_version": line["model_version"],
        "outcome": outcome,
        "logged": logged,
        "replayed": again,
    }


def _alike(again: GivenScore, logged: GivenScore) -> bool:
    """Whether both say the same; an earlier revision may have put the same reasons in another order."""
    return {**again, "reasons": sorted(again["reasons"])} == {**logged, "reasons": sorted(logged["reasons"])}


def _scored(line: DecisionLine, features: Row, live: Live) -> GivenScore | None:
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


def _customers(home: Path, file: Path | None) -> Iterator[tuple[str, Row]]:
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


def _stored(home: Path) -> Iterator[tuple[str, Row]]:
    """Whoever is in the log, with all that the store holds of them, the latest row last."""
    if not ((home / FILE).exists() and (home / store.FILE).exists()):
        return
    stored = store.SqliteStore(home / store.FILE)
    customers = [customer for (customer,) in Reader(home / FILE).ask("SELECT DISTINCT customer_id FROM decisions")]
    for start in range(0, len(customers), _AT_ONCE):
        for customer, rows in stored.find(customers[start : start + _AT_ONCE]).items():
            merged: dict[str, Json] = {}
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
