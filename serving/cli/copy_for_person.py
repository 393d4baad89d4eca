"""`python -m serving copy IDS_FILE`: what is kept of customers, for each as JSON and as a page to print."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from features.spec.atomic import write_file
from features.spec.languages import LANGUAGES
from features.spec.options import EITHER_SIDE, add_shared_options, command_first, program
from scoring.answers.served_release import Live
from scoring.privacy.audit_trail import command_actor, record
from scoring.privacy.id_files import read_ids
from scoring.releases.current_pointer import released_use_cases
from scoring.releases.store import load_release
from scoring.storage.leftovers import remove_leftovers
from serving.cli.exit_codes import DONE, ended
from serving.customers.kept import CopyError
from serving.customers.person_copy import with_copies
from serving.customers.subject_rights import export
from serving.settings import Settings

OWNER = 0o600  # a copy is its owner's alone


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    options = _parser().parse_args(command_first(sys.argv[1:] if arguments is None else arguments))
    remove_leftovers(options.home)
    return ended(lambda: _write(options), options.file)


def _write(options: argparse.Namespace) -> int:
    """Files are numbered in the order of the ids: none is in a name."""
    customers = read_ids(options.file)
    record(options.home, "export", command_actor(), customers=customers)
    served = {name: Live(load_release(options.home, name)) for name in released_use_cases(options.home)}
    days = Settings.from_environment().decisions_days
    try:
        copies = with_copies(
            options.home, export(options.home, customers), served, options.language, decisions_days=days
        )
    except CopyError as error:
        raise OSError(str(error)) from error
    options.out.mkdir(parents=True, exist_ok=True)
    files = []
    for number, one in enumerate(copies, 1):
        text = json.dumps({**one, "copy": {**one["copy"], "page": ""}}, ensure_ascii=False, indent=1)
        for ending, content in (("json", f"{text}\n"), ("html", one["copy"]["page"])):
            files.append(options.out / f"copy-{number}.{ending}")
            write_file(files[-1], content.encode(), mode=OWNER)
    print(f"{len(copies):,} {'copy' if len(copies) == 1 else 'copies'} written to {options.out}", file=sys.stderr)
    if options.json:
        print(json.dumps({"copies": len(copies), "files": [str(file) for file in files]}))
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program('serving')} copy", description="Writes the copy that a person may ask for.", epilog=EITHER_SIDE
    )
    parser.add_argument("file", type=Path, metavar="IDS_FILE", help="an id a line, or a table with customer_id")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the copy (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write to")
    add_shared_options(parser)
    return parser
