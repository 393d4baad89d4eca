"""`penchant dossier --out FOLDER`: the record, a draft impact assessment, the notice and the recipients."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from features.errors import UseCaseError
from features.spec.atomic import write_file
from features.spec.languages import LANGUAGES
from features.spec.options import EITHER_SIDE, add_shared_options
from features.spec.terminal import print_to_any_terminal
from penchant.cli.retention import UNREADABLE
from scoring.privacy.retention_file import RetentionError, read_retention

DONE, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; 0 done, 1 failed, 2 usage or a broken file of its owner."""
    print_to_any_terminal()
    options = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    if not options.home.is_dir():
        print("--home must be a home that there is, got none.", file=sys.stderr)
        return USAGE
    try:
        files, missing = write_dossier(options.home, options.out, datetime.now(UTC))
    except UseCaseError as error:
        print(*(f"{error.file}: {rule}" for rule in error.broken), sep="\n", file=sys.stderr)
        return USAGE
    except RetentionError as error:
        print(*(f"{options.home}/{rule}" for rule in error.broken), sep="\n", file=sys.stderr)
        return USAGE
    except UNREADABLE as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return FAILED
    print(f"{missing} items are to be filled in, by HOME/dossier.toml.", file=sys.stderr)
    names = [str(file) for file in files]
    print(json.dumps({"files": names, "to_fill": missing}) if options.json else "\n".join(names))
    return DONE


def write_dossier(home: Path, out: Path, now: datetime) -> tuple[list[Path], int]:
    """Writes the dossier in both languages, as HTML and as Markdown; returns the files, and how much is not stated.

    Raises:
        UseCaseError: dossier.toml or run.toml has a broken key.
        RetentionError: retention.toml has one.
        OSError: A file cannot be read or written.
        sqlite3.Error: The same.
        SuppressionError: The suppression list cannot be read.
    """
    from penchant.dossier.dossier_facts import dossier_facts
    from penchant.dossier.dossier_file import load_dossier_file
    from penchant.dossier.render import BEGIN, as_html, as_markdown
    from penchant.dossier.sections import Dossier

    stated, rules = load_dossier_file(home), read_retention(home)
    files, missing = [], 0
    for language in LANGUAGES:
        dossier = Dossier(home, dossier_facts(home, rules, now, language), stated, language)
        blocks = dossier.blocks()
        text = as_markdown(blocks)
        missing = sum(block.text.count(BEGIN) + str((block.items, block.rows)).count(BEGIN) for block in blocks[2:])
        for ending, content in (("html", as_html(blocks, language, dossier.say("title"))), ("md", text)):
            files.append(out / f"dossier.{language}.{ending}")
            write_file(files[-1], content.encode(), mode=0o600)
    return files, missing


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penchant dossier",
        description="The record of the processing, a draft impact assessment, an information notice, the recipients: "
        "from what really runs, in French and English, as HTML and Markdown. What HOME/dossier.toml does not state is "
        "marked as to be filled in.",
        epilog=EITHER_SIDE,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the files go")
    add_shared_options(parser)
    return parser
