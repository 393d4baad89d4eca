"""`penchant discover FILE.toml`: groups of customers, whether they are real, and what became of their members."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from features.config.discovery_file import Discovery, load_discovery
from features.errors import DataError, UseCaseError
from features.spec.options import EITHER_SIDE, add_shared_options
from features.spec.suppression_list import SuppressionError, objectors_of
from features.spec.terminal import print_to_any_terminal
from scoring.errors import BundleError

if TYPE_CHECKING:
    from training.segmentation.discovery_record import DiscoveryRecord

DONE, FAILED, USAGE, BAD_DATA, NOT_REGISTERED, NO_REGISTRY = 0, 1, 2, 3, 4, 5
VERDICTS = {
    "clusters": "clusters: groups with room between them",
    "slices": "slices: useful, but cut through a continuum",
    "none": "none: there are no groups to be found",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; 0 done, 1 failed, 2 usage, 3 bad data, 4 the name is taken, 5 no registry."""
    print_to_any_terminal()
    options = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        return _discover(load_discovery(options.file, options.home), options)
    except (UseCaseError, DataError) as failure:
        code = USAGE if isinstance(failure, UseCaseError) else BAD_DATA
        return _failed(code, *(f"{failure.file}: {rule}" for rule in failure.broken))
    except (BundleError, SuppressionError, OSError, sqlite3.Error) as failure:
        return _failed(FAILED, f"{type(failure).__name__}: {failure}")


def _discover(asked: Discovery, options: argparse.Namespace) -> int:
    from threadpoolctl import threadpool_limits

    from features.build.discovery_rows import discovery_rows
    from training.errors import Refused, RegistryError
    from training.report.discovery_page import discovery_page, write_page
    from training.segmentation.discover import discover
    from training.segmentation.discovery_record import drafted, outcome_text, record_of, registered_of
    from training.segmentation.sheets.group_themes import group_themes

    home: Path = options.home
    home.mkdir(parents=True, exist_ok=True)
    with threadpool_limits(1):
        rows = discovery_rows(asked, objectors_of(home), quarantine=home / "quarantine")
        found = discover(rows, method=asked.section.method, k=asked.section.k, seed=asked.source.seed)
        themes = group_themes(rows, found, forbid=asked.source.reasons.forbid, seed=asked.source.seed)
    page_of = partial(
        discovery_page,
        asked.name,
        rows,
        found,
        awaited=outcome_text(asked, rows),
        forbidden=asked.source.reasons.forbid,
        themes=themes,
    )
    try:
        registered = registered_of(home, asked, rows, found, page_of(record_of(rows, found, None)), themes)
    except Refused as failure:
        return _failed(NOT_REGISTERED, str(failure))
    except RegistryError as failure:
        return _failed(NO_REGISTRY, str(failure))
    record = record_of(rows, found, registered)
    if options.as_rules is not None and registered is not None:
        given: Path = options.as_rules
        file = given if given.name else home / "discoveries" / f"{asked.name}.rules.toml"
        record = replace(record, as_rules=drafted(home, asked, rows, registered, file))
    page = write_page(home, asked.name, page_of(record))
    print(msgspec.json.encode(record).decode() if options.json else "\n".join([*_lines(record), f"report: {page}"]))
    return DONE


def _lines(record: DiscoveryRecord) -> list[str]:
    """The answer as a person reads it."""
    rates = {one.code: f"  {one.rate:.1%} ({one.low:.1%} to {one.high:.1%})" for one in record.outcomes}
    lines = [
        f"{VERDICTS[record.verdict]} ({record.method}, k = {record.k})",
        f"silhouette {record.silhouette:.3f}, {record.null.excess:+.3f} against redraws (z {record.null.z:.1f})",
    ]
    if record.stability.jaccard is not None:
        over = record.stability.rand_over_time
        lines.append(
            f"stability {record.stability.jaccard:.2f}" + (f", over time {over:.2f}" if over is not None else "")
        )
    if record.order_kept is not None:
        lines.append(f"order of outcomes {'kept' if record.order_kept else 'not kept'} out of time")
    lines += [f"  {one.code}  {one.label['en']}  {one.size:,}{rates.get(one.code, '')}" for one in record.clusters]
    if rules := record.as_rules:
        lines.append(f"rules: {rules.file} ({rules.agree:.1%} agree, {rules.out_of_sample:.1%} out of sample)")
    version = f"version {record.version}, {'in service' if record.promoted else 'not in service'}"
    return [*lines, version if record.version else "nothing to serve"]


def _failed(code: int, *lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penchant discover",
        description="Groups of customers that the data itself shows, judged before anybody believes in them: against "
        "redraws without clusters, over resamples, over time, and by what their members did later.",
        epilog=EITHER_SIDE,
    )
    parser.add_argument("file", type=Path, metavar="FILE.toml", help="data and [discover], or a use case that has it")
    parser.add_argument(
        "--as-rules",
        nargs="?",
        type=Path,
        const=Path(),
        metavar="POLICY.toml",
        help="also write a draft of a policy, with how often its rules agree; by default into HOME/discoveries",
    )
    add_shared_options(parser)
    return parser
