"""`python -m features build|history|init|duplicates|report|prove`: messages on stderr, results on stdout."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from features.build.export import build
from features.build.history_export import export_history
from features.build.log_table import learning_table
from features.build.prove import prove
from features.config.engine.chosen_engine import with_engine
from features.config.use_case import LogUseCase
from features.errors import DataError, UseCaseError
from features.landing.first import landed_use_case
from features.quality.duplicates import LEAST, likely_duplicates, write_links
from features.quality.render import as_page, as_text
from features.scaffold.use_case_draft import init
from features.spec.options import EITHER_SIDE, add_engine_options, add_shared_options, command_first, program
from features.spec.source_register import SourceRegisterError
from features.spec.suppression_list import SuppressionError, objectors_of
from features.spec.terminal import print_to_any_terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 0 done, 1 failed, 2 usage, 3 the data broke its contract, 4 a blocking finding, 130 stopped."""
    print_to_any_terminal()
    options = _parser().parse_args(command_first(sys.argv[1:] if arguments is None else arguments))
    try:
        return int(options.run(options))
    except UseCaseError as failure:
        return _report_broken_rules(2, failure.file, failure.broken)
    except DataError as failure:
        return _report_broken_rules(3, failure.file, failure.broken)
    except (SuppressionError, SourceRegisterError) as failure:
        return _report_broken_rules(1, str(options.home), [str(failure)])
    except OSError as failure:
        return _report_broken_rules(1, str(failure.filename), [str(failure.strerror)])
    except KeyboardInterrupt:
        return 130


def _report_broken_rules(code: int, file: str, broken: Sequence[str]) -> int:
    for rule in broken:
        print(f"{file}: {rule}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("features"), description="Feature tables from logs and tables.", epilog=EITHER_SIDE
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    builds = commands.add_parser("build", help="write the feature table of a log at a cutoff")
    builds.add_argument("use_case", type=Path, metavar="USE_CASE.toml")
    builds.add_argument(
        "--cutoff", type=_moment, required=True, metavar="D", help="date or datetime, UTC if it has none"
    )
    builds.add_argument("--out", type=Path, required=True, metavar="F", help="a .parquet or .csv file, or a folder")
    add_engine_options(builds)
    builds.set_defaults(run=_build)
    histories = commands.add_parser(
        "history", help="write a log's clean events, as a stream's history begins with them"
    )
    histories.add_argument("use_case", type=Path, metavar="USE_CASE.toml")
    histories.add_argument("--as-of", type=_moment, required=True, metavar="D", help="of traits: date or datetime, UTC")
    histories.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder")
    histories.set_defaults(run=_history)
    starts = commands.add_parser("init", help="write a use case for a file, or for the logs and profiles of several")
    starts.add_argument("files", type=Path, nargs="+", metavar="FILE")
    starts.add_argument("--out", type=Path, metavar="F", help="default: the first FILE with the ending .toml, here")
    starts.add_argument("--force", action="store_true", help="overwrite")
    starts.set_defaults(run=_init)
    pairs = commands.add_parser("duplicates", help="propose links between customers who may be one, for review")
    pairs.add_argument("profiles", type=Path, metavar="PROFILES")
    pairs.add_argument("--customer-id", default="customer_id", metavar="COLUMN")
    pairs.add_argument(
        "--columns", nargs="+", default=(), metavar="COLUMN", help="default: texts that tell people apart"
    )
    pairs.add_argument("--least", type=float, default=LEAST, metavar="SCORE", help=f"0 to 1, default {LEAST}")
    pairs.add_argument("--out", type=Path, required=True, metavar="F", help="a .csv or .parquet file")
    pairs.set_defaults(run=_duplicates)
    for name, run, what in (("report", _report, "the data report"), ("prove", _prove, "look for leaks")):
        command = commands.add_parser(name, help=what)
        command.add_argument("use_case", type=Path, metavar="USE_CASE.toml")
        command.set_defaults(run=run)
        if name == "report":
            command.add_argument("--html", type=Path, metavar="F", help="also write a page")
            command.add_argument("--quarantine", type=Path, metavar="DIR", help="also write the bad rows there")
    for command in commands.choices.values():
        add_shared_options(
            command, home="whose objectors and erased are left out (default: PENCHANT_HOME, else .penchant)"
        )
    return parser


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a date or a datetime in ISO form, got {text!r}") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _build(options: argparse.Namespace) -> int:
    use_case = landed_use_case(options.use_case, options.home)
    use_case = with_engine(use_case, options.engine, options.master, options.url_env)
    file, rows = build(use_case, options.cutoff, options.out, objectors_of(options.home), warn=_warn)
    if options.json:
        print(json.dumps({"file": str(file), "customers": rows}))
        return 0
    print("unchanged" if rows is None else f"{rows:,} customers", file=sys.stderr)
    print(file)
    return 0


def _history(options: argparse.Namespace) -> int:
    use_case = landed_use_case(options.use_case, options.home)
    if not isinstance(use_case, LogUseCase):
        raise UseCaseError(options.use_case, ["must be on a log to have a history of events"])
    events = export_history(use_case, options.as_of, options.out, objectors_of(options.home))
    print(json.dumps({"folder": str(options.out), "events": events}) if options.json else f"{events:,} events")
    return 0


def _warn(sentence: str) -> None:
    print(f"warn: {sentence}", file=sys.stderr)


def _init(options: argparse.Namespace) -> int:
    first, *others = options.files
    file = init(first, options.out, force=options.force, others=others)
    print(json.dumps({"file": str(file)}) if options.json else file)
    return 0


def _duplicates(options: argparse.Namespace) -> int:
    links = likely_duplicates(
        options.profiles, customer_id=options.customer_id, columns=options.columns, least=options.least
    )
    write_links(links, options.out)
    print(f"{len(links):,} links to review: write yes under `accepted`", file=sys.stderr)
    print(json.dumps({"file": str(options.out), "links": len(links)}) if options.json else options.out)
    return 0


def _report(options: argparse.Namespace) -> int:
    use_case = landed_use_case(options.use_case, options.home)
    report = learning_table(use_case, quarantine=options.quarantine, objectors=objectors_of(options.home)).report
    if options.html:
        options.html.write_text(as_page(use_case.name, report), encoding="utf-8")
        print(f"written: {options.html}", file=sys.stderr)
    print(json.dumps(report, ensure_ascii=False, indent=1) if options.json else as_text(report))
    return 0


def _prove(options: argparse.Namespace) -> int:
    findings = prove(landed_use_case(options.use_case, options.home), objectors_of(options.home))
    found = [finding.to_json() for finding in findings]
    if options.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        print("\n".join(f"{each['severity']}: {each['rule']}: {each['detail']}" for each in found) or "no finding")
    return 4 if any(finding.severity == "block" for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
