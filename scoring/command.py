"""The command line of `python -m scoring`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from scoring.answers import MAX_REASONS, Live
from scoring.batch import BatchError, score_file
from scoring.errors import BundleError
from scoring.golden import replay
from scoring.releases import load_release
from scoring.segments import current_policy
from scoring.wording import LANGUAGES

DONE, FAILED, USAGE, BROKEN_DATA = 0, 1, 2, 3


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    options = _parser().parse_args(arguments)
    if not 0 <= options.reasons <= MAX_REASONS:
        print(f"--reasons must lie in 0..{MAX_REASONS}, got {options.reasons}.", file=sys.stderr)
        return USAGE
    try:
        live = {name: Live(load_release(options.home, name)) for name in options.use_case}
        for served in live.values():
            replay(served.release.bundle)
        tally = score_file(
            live,
            options.input,
            options.output,
            reasons=options.reasons,
            language=options.language,
            policy=current_policy(options.home),
        )
    except BatchError as error:
        print(f"{options.input}: {error}", file=sys.stderr)
        return BROKEN_DATA
    except (BundleError, OSError) as error:
        print(error, file=sys.stderr)
        return FAILED
    counts = ", ".join(f"{count:,} {status}" for status, count in sorted(tally.statuses.items()))
    print(f"{tally.rows:,} rows written to {options.output}: {counts}.", file=sys.stderr)
    if options.json:
        print(json.dumps({"rows": tally.rows, "statuses": tally.statuses, "output": str(options.output)}))
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scoring", description="Scores a file of customers.")
    home = Path(os.environ.get("PENCHANT_HOME", ".penchant"))
    parser.add_argument("--home", type=Path, default=home, help="where the releases are (default: %(default)s)")
    parser.add_argument("--use-case", action="append", required=True, help="repeat for several in one pass")
    parser.add_argument("--input", type=Path, required=True, help="Parquet or CSV, one row a customer")
    parser.add_argument("--output", type=Path, required=True, help="Parquet or CSV, by its ending")
    parser.add_argument("--reasons", type=int, default=0, help="reasons a score, 0 to 20 (default: 0)")
    parser.add_argument("--language", choices=LANGUAGES, default="en")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser
