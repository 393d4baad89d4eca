"""The command line of `python -m scoring`."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path

from features.spec.languages import LANGUAGES
from features.spec.options import EITHER_SIDE, add_shared_options, command_first, program, span
from features.spec.suppression_list import suppressed_of
from features.spec.terminal import print_to_any_terminal
from scoring.answers.score import MAX_REASONS
from scoring.answers.scored_values import BatchValues, write_values
from scoring.answers.served_release import open_live
from scoring.audiences.campaign import CampaignError
from scoring.audiences.consent import COLUMNS
from scoring.audiences.contacts import CHANNEL, PURPOSE
from scoring.audiences.export_formats import FORMATS
from scoring.audiences.pressure.pressure_rules import PressureError
from scoring.audiences.snapshot import AudienceError
from scoring.batch.score_files import BatchCounts, score_file
from scoring.cli.audience_commands import COMMANDS
from scoring.cli.command_result import UsageError
from scoring.cli.progress import bar
from scoring.errors import BundleError, ClusterError
from scoring.population.days import PopulationError
from scoring.privacy.suppression import SuppressionError, open_suppression
from scoring.segments.assignment import current_policy
from scoring.segments.policy_file import PolicyError
from scoring.storage.leftovers import remove_leftovers
from scoring.storage.table_files import BatchError, check_target, count_rows

DONE, FAILED, USAGE, BROKEN_DATA = 0, 1, 2, 3
ENGINES = ("local", "spark")  # this machine, or a cluster that shares its files


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    print_to_any_terminal()
    words = command_first(sys.argv[1:] if arguments is None else arguments, COMMANDS)
    if words and words[0] in COMMANDS:
        return _run(_campaign_parser().parse_args(words))
    options = _parser().parse_args(words)
    if not 0 <= options.reasons <= MAX_REASONS:
        return _too_many_reasons(options.reasons)
    remove_leftovers(options.home)
    score = _on_spark if options.engine == "spark" else _here
    try:
        check_target(options.output)
        _check_engine(options)
    except (BatchError, UsageError) as error:
        print(error, file=sys.stderr)
        return USAGE
    try:
        tally = score(options)
    except BatchError as error:
        print(f"{options.input}: {error}", file=sys.stderr)
        return BROKEN_DATA
    except (BundleError, ClusterError, SuppressionError, OSError) as error:
        print(error, file=sys.stderr)
        return FAILED
    counts = ", ".join(f"{count:,} {status}" for status, count in sorted(tally.statuses.items()))
    print(f"{tally.rows:,} rows written to {options.output}: {counts}.", file=sys.stderr)
    if options.json:
        print(json.dumps({"rows": tally.rows, "statuses": tally.statuses, "output": str(options.output)}))
    return DONE


def _check_engine(options: argparse.Namespace) -> None:
    """Refuses what the other engine cannot be asked for, before anything is read."""
    if options.engine != "spark" and options.master:
        raise UsageError("--master is the address of a Spark cluster, for --engine spark alone.")
    if options.engine == "spark" and options.output.suffix:
        raise UsageError(
            f"With --engine spark --output is a folder, whose name has no ending, got {options.output.suffix}."
        )
    if options.engine == "spark" and options.output.exists():
        raise UsageError("With --engine spark --output is a folder that is not there yet, got one that is.")


def _here(options: argparse.Namespace) -> BatchCounts:
    """Scores on this machine."""
    live = open_live(options.home, options.use_case, threads=1, prepared=options.reasons > 0)
    rows = count_rows(options.input)
    values = BatchValues(live, rows)
    with bar(rows) as progress:
        done = score_file(
            live,
            options.input,
            options.output,
            reasons=options.reasons,
            language=options.language,
            policy=current_policy(options.home),
            suppression=open_suppression(options.home),
            progress=progress,
        )
    with suppress(OSError):  # a home that can only be read: nothing is counted
        values.write(options.home)
    return done


def _on_spark(options: argparse.Namespace) -> BatchCounts:
    """Scores on a cluster; what is imported for it no other command needs."""
    from scoring.spark.score_on_spark import score_on_spark

    live = open_live(options.home, options.use_case, threads=1, prepared=False)
    found = score_on_spark(
        live,
        options.input,
        options.output,
        master=options.master,
        reasons=options.reasons,
        language=options.language,
        policy=current_policy(options.home),
        objectors=suppressed_of(options.home),
    )
    with suppress(OSError):  # as above
        write_values(options.home, {name: served.release.version for name, served in live.items()}, found.values)
    return found.done


def _run(options: argparse.Namespace) -> int:
    """Runs one of the commands around segments."""
    if not 0 <= getattr(options, "reasons", 0) <= MAX_REASONS:
        return _too_many_reasons(options.reasons)
    remove_leftovers(options.home)
    try:
        said = COMMANDS[options.command](options)
    except UsageError as error:
        print(error, file=sys.stderr)
        return USAGE
    except PolicyError as error:
        print(*(f"{options.file}: {fault}" for fault in error.faults), sep="\n", file=sys.stderr)
        if options.json:
            print(json.dumps({"policy": None, "segments": [], "faults": error.faults}, ensure_ascii=False))
        return BROKEN_DATA
    except (BatchError, AudienceError, PressureError) as error:
        print(error, file=sys.stderr)
        return BROKEN_DATA
    except (BundleError, SuppressionError, PopulationError, CampaignError, OSError) as error:
        print(error, file=sys.stderr)
        return FAILED
    print(*said.words, sep="\n", end="\n" if said.words else "", file=sys.stderr)
    if options.json:
        print(json.dumps(said.document, ensure_ascii=False))
    elif said.text:
        print(said.text)
    return DONE


def _too_many_reasons(count: int) -> int:
    print(f"--reasons must lie in 0..{MAX_REASONS}, got {count}.", file=sys.stderr)
    return USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("scoring"),
        description="Scores a file of customers.",
        epilog=f"Around segments there are the commands {', '.join(COMMANDS)}. {EITHER_SIDE}",
    )
    add_shared_options(parser)
    parser.add_argument("--use-case", action="append", required=True, help="repeat for several in one pass")
    parser.add_argument(
        "--input", type=Path, required=True, help="Parquet or CSV, or a folder of them; one row a customer"
    )
    parser.add_argument("--output", type=Path, required=True, help=".parquet, .csv or .tsv; without an ending a folder")
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="what scores (default: %(default)s)")
    parser.add_argument("--master", metavar="URL", help="of a Spark cluster (default: as Spark's configuration says)")
    _say_options(parser, reasons=0)
    return parser


def _say_options(parser: argparse.ArgumentParser, *, reasons: int) -> None:
    parser.add_argument("--reasons", type=int, default=reasons, help="reasons a score, 0 to 20 (default: %(default)s)")
    parser.add_argument("--language", choices=LANGUAGES, default="en")


def _campaign_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program("scoring"))
    commands = parser.add_subparsers(dest="command", required=True)
    install = commands.add_parser("segments", help="check a policy of segments and install it")
    install.add_argument("file", type=Path, metavar="SEGMENTS.toml")
    install.add_argument(
        "--try",
        dest="trial",
        action="store_true",
        help="install nothing: sizes, moves and examples on today's customers",
    )
    sql = commands.add_parser("sql", help="a segment as one boolean SQL expression for a warehouse")
    sql.add_argument("segment", metavar="SEGMENT")
    sql.add_argument(
        "--plain", action="store_true", help="columns of a batch of one use case, without its name before them"
    )
    snapshot = commands.add_parser("snapshot", help="freeze who is in which segment")
    snapshot.add_argument("--input", type=Path, required=True, help="features, Parquet or CSV, one row a customer")
    snapshot.add_argument("--output", type=Path, required=True, help="a Parquet file")
    snapshot.add_argument("--previous", type=Path, help="the snapshot before: stays are kept, moves counted")
    snapshot.add_argument("--as-of", type=date.fromisoformat, help="the date it speaks of (default: today, UTC)")
    export = commands.add_parser("export", help="a segment's members in the form a tool imports")
    contacts = commands.add_parser(
        "contacts", help="say where the contacts are, for audiences that leave by the console"
    )
    contacts.add_argument("file", type=Path, metavar="FILE", help="Parquet or CSV with customer_id")
    _consent_options(contacts, required=True)
    report = commands.add_parser("segment-report", help="sizes, flows, outcomes and reasons between two snapshots")
    for one in (install, sql, snapshot, export, contacts, report):
        add_shared_options(one)
    _export_options(export)
    report.add_argument("--before", type=Path, required=True, help="a snapshot")
    report.add_argument("--after", type=Path, required=True, help="a later one")
    report.add_argument("--outcomes", type=Path, help="what customers did after the first: customer_id and 0 or 1")
    report.add_argument("--outcome", default="outcome", help="the column that says it (default: %(default)s)")
    _say_options(snapshot, reasons=3)
    return parser


def _export_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--snapshot", type=Path, required=True)
    parser.add_argument("--segment", required=True, help="its code")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--format", choices=FORMATS, default="csv")
    parser.add_argument("--contacts", type=Path, help="Parquet or CSV with customer_id and addresses")
    _consent_options(parser)
    parser.add_argument(
        "--internal", action="store_true", help="ids only, marked so and logged, without contacts and consent"
    )
    parser.add_argument("--suppress", type=Path, help="Parquet or CSV of customer_id or email to leave out")
    parser.add_argument("--holdout", type=float, default=0.0, help="the share to hold out, recorded beside the output")
    parser.add_argument("--salt", help="which share, new for each list: with a hold-out it is kept as a campaign")
    parser.add_argument("--window", type=span, metavar="90d", help="in which answers count (default: as predicted)")
    parser.add_argument("--metric", metavar="EVENT", help="which event an answer is (default: the one predicted)")
    parser.add_argument(
        "--planned-look", type=date.fromisoformat, metavar="D", help="when the effect is looked at (default: its end)"
    )


def _consent_options(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    parser.add_argument("--email", required=required, metavar="COLUMN", help="the contacts' column of addresses")
    parser.add_argument(
        "--consent", metavar="COLUMN", help=f"the contacts' column that says who agreed to {PURPOSE} by {CHANNEL}"
    )
    parser.add_argument(
        "--consent-table", type=Path, metavar="FILE", help=f"in its place a table with {', '.join(COLUMNS)}"
    )
    parser.add_argument("--channel", help=f"by which customers are addressed (default: {CHANNEL})")
    parser.add_argument("--purpose", help=f"and what for (default: {PURPOSE})")
