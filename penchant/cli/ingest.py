"""`penchant ingest USE_CASE.toml [--full]`: what lies elsewhere than in files of this machine, landed in the home."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from features.config.use_case import load_use_case
from features.errors import DataError, UseCaseError
from features.landing.ingest import Landed, ingest
from features.landing.registered import register, too_old
from features.spec.options import EITHER_SIDE, add_shared_options
from features.spec.source_register import SourceEntry, SourceRegisterError
from features.spec.suppression_list import SuppressionError
from features.spec.terminal import print_to_any_terminal

DONE, FAILED, USAGE, BAD_DATA, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; 0 done, 1 a source cannot be read now, 2 usage, 3 rows or columns broke their contract."""
    print_to_any_terminal()
    options = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        return _ingest(options)
    except KeyboardInterrupt:
        print("interrupted: what landed before is as it was", file=sys.stderr)
        return INTERRUPTED
    except UseCaseError as failure:
        return _failed(USAGE, *(f"{failure.file}: {rule}" for rule in failure.broken))
    except DataError as failure:
        return _failed(BAD_DATA, *(f"{failure.file}: {rule}" for rule in failure.broken))
    except (SuppressionError, SourceRegisterError, OSError) as failure:
        return _failed(FAILED, str(failure))


def _ingest(options: argparse.Namespace) -> int:
    now, home = datetime.now(UTC), options.home
    use_case = load_use_case(options.use_case, home)
    landed = ingest(use_case, home, now, full=options.full, accept_columns=options.accept_columns)
    entries = register(home, load_use_case(options.use_case, home), landed, now)
    found = {one.manifest.source: one for one in landed}
    for line in too_old(entries, now):
        print(line, file=sys.stderr)
    if options.json:
        print(json.dumps(_document(entries, found), ensure_ascii=False, indent=1))
        return DONE
    for name, entry in entries.items():
        print(f"{name}: {_text(entry, found.get(name))}")
    return DONE


def _document(entries: Mapping[str, SourceEntry], landed: Mapping[str, Landed]) -> dict[str, dict[str, object]]:
    """What HOME/sources.json holds of each, and what was read now."""
    return {
        name: {
            **asdict(entry),
            "read": one.read if (one := landed.get(name)) else None,
            "digest": one.manifest.digest if one else None,
            "rows_before": one.rows_before if one else None,
            "added": one.added if one else None,
            "removed": one.removed if one else None,
        }
        for name, entry in entries.items()
    }


def _text(entry: SourceEntry, landed: Landed | None) -> str:
    reach = f", to {entry.fresh_to}" if entry.fresh_to else ""
    if landed is None:
        return f"{entry.rows:,} rows in files of this machine{reach}"
    changed = "" if landed.added is None else f", {landed.added:,} came and {landed.removed:,} went"
    return f"{entry.rows:,} rows ({landed.read}{changed}){reach}"


def _failed(code: int, *lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penchant ingest",
        description="Lands what a use case reads from addresses as Parquet in the home, checked; what is new of it.",
        epilog=f"Each is set down in HOME/sources.json. {EITHER_SIDE}",
    )
    parser.add_argument("use_case", type=Path, metavar="USE_CASE.toml")
    parser.add_argument("--full", action="store_true", help="compare everything, which alone finds what was deleted")
    parser.add_argument(
        "--accept-columns", action="store_true", help="land new columns and other types, which else end with code 3"
    )
    add_shared_options(parser, home="where the copy lands (default: PENCHANT_HOME, else .penchant)")
    return parser
