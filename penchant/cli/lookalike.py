"""`penchant lookalike --seed FILE --size N`: the customers most like those of a file, and how well that is known."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from features.errors import DataError, UseCaseError
from features.spec.atomic import write_file
from features.spec.languages import LANGUAGES
from features.spec.options import EITHER_SIDE, add_shared_options, moment
from features.spec.suppression_list import SuppressionError
from features.spec.terminal import print_to_any_terminal
from scoring.answers.score import MAX_REASONS
from scoring.audiences.campaign import CampaignError, SaltReusedError
from scoring.audiences.export_formats import FORMATS, FORMS, write_audience
from scoring.audiences.pressure.pressure_rules import PressureError
from scoring.errors import BundleError
from scoring.population.customer_lists import MOST
from scoring.population.customer_pages import ContactsUnreadableError
from scoring.population.days import PopulationError
from scoring.storage.table_files import BatchError

if TYPE_CHECKING:
    from training.lookalike.find_lookalikes import FoundLookalikes
    from training.lookalike.lookalike_document import LookalikeDocument

DONE, FAILED, USAGE, BAD_DATA = 0, 1, 2, 3
_NO_CONTACTS = "Nobody's consent was checked, for the home has named no contacts: nobody is addressed by this list."
_STALE = "The day is older than `max_age` of [deliver] in run.toml: nobody is addressed by this list."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; 0 done, 1 failed, 2 usage, 3 the seed or the data broke a rule."""
    print_to_any_terminal()
    options = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    if broken := _broken(options):
        return _failed(USAGE, *broken)
    from training.lookalike.learned_seed import SeedError

    try:
        found = _found(options)
        _write(options, found)
    except UseCaseError as failure:
        return _failed(USAGE, *(f"{failure.file}: {rule}" for rule in failure.broken))
    except SaltReusedError as failure:
        return _failed(USAGE, f"{failure} Give this list a --salt of its own.")
    except DataError as failure:
        return _failed(BAD_DATA, *(f"{failure.file}: {rule}" for rule in failure.broken))
    except (SeedError, BatchError) as failure:
        return _failed(BAD_DATA, f"{options.seed}: {failure}")
    except (PopulationError, ContactsUnreadableError, PressureError, CampaignError) as failure:
        return _failed(BAD_DATA, str(failure))
    except (BundleError, SuppressionError, OSError, sqlite3.Error) as failure:
        return _failed(FAILED, str(failure))
    _show(options, found.document)
    return DONE


def _found(options: argparse.Namespace) -> FoundLookalikes:
    from features.config.use_case import load_use_case
    from training.lookalike.day_customers import day_customers
    from training.lookalike.find_lookalikes import find_lookalikes
    from training.lookalike.lookalike_document import LookalikeRequest
    from training.lookalike.seed_file import read_seed
    from training.lookalike.use_case_customers import id_column_of, use_case_customers

    file = _use_case_file(options)
    if file is not None:
        use_case = load_use_case(file)
        named = [one for one in (id_column_of(use_case),) if one]
        seed = read_seed(options.seed, named, column=options.column)
        table = use_case_customers(use_case, options.home, seed, options.as_of)
    else:
        day = day_customers(options.home, options.use_case, fresh=bool(options.holdout) or _is_addressed(options))
        seed = read_seed(options.seed, day.id_columns, column=options.column)
        table = day.table
    asked = LookalikeRequest(
        size=options.size,
        holdout=options.holdout,
        salt=options.salt,
        reasons=options.reasons,
        language=options.language,
        random_seed=options.random_seed,
        format=_format(options) if options.output else "json",
    )
    return find_lookalikes(options.home, table, seed, asked)


def _use_case_file(options: argparse.Namespace) -> Path | None:
    """The file of a use case, where one is named in either way."""
    named = options.file or options.use_case
    return Path(named) if named and named.endswith(".toml") else None


def _format(options: argparse.Namespace) -> str:
    """That asked for, else by the ending."""
    return options.format or ("parquet" if options.output.suffix.lower() in (".parquet", ".pq") else "csv")


def _write(options: argparse.Namespace, found: FoundLookalikes) -> None:
    """Writes the list; beside one that addresses nobody it says so."""
    if options.output is None:
        return
    mark = options.output.with_name(f"{options.output.name}.internal.json")
    if found.document.internal:
        kept = {
            "internal": True,
            "as_of": found.document.as_of,
            "written": found.document.written,
            "note": _why_internal(found.document),
        }
        write_file(mark, msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    write_audience(found.rows, options.output, _format(options))
    if not found.document.internal:
        mark.unlink(missing_ok=True)  # of a list of ids that stood there before


def _show(options: argparse.Namespace, document: LookalikeDocument) -> None:
    """Counts and evidence on stderr; on stdout the document, else the file or the list."""
    evidence, seed = document.evidence, document.seed
    (low, high), (least, most) = evidence.intervals.roc_auc, evidence.intervals.lift_at_10
    lines = [
        f"Learned from {seed.used:,} of {seed.ids:,} ids ({seed.unknown:,} unknown, {seed.objected:,} opted out, "
        f"{seed.without_data:,} without data) against {evidence.others:,} others.",
        f"Members kept aside: ROC-AUC {evidence.roc_auc:.3f} ({low:.3f} to {high:.3f}), lift in the top tenth "
        f"{evidence.lift_at_10:.1f} ({least:.1f} to {most:.1f}), 95% intervals.",
        *([] if evidence.better_than_chance else ["The seed cannot be told from others better than by chance."]),
        f"{document.written:,} customers; {_left_out(document)} left out.",
        *([_why_internal(document)] if document.internal else []),
    ]
    print(*lines, sep="\n", file=sys.stderr)
    if options.json:
        print(msgspec.json.encode(document).decode())
    elif options.output:
        print(options.output)
    else:
        for one in document.customers:
            print(f"{one.rank}\t{one.customer_id}\t{one.score}\t{'; '.join(each['text'] for each in one.reasons)}")


def _why_internal(document: LookalikeDocument) -> str:
    return _STALE if document.stale else _NO_CONTACTS


def _left_out(document: LookalikeDocument) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in document.left_out.items()) or "nobody"


def _broken(options: argparse.Namespace) -> list[str]:
    """The rules that the options break."""
    broken = []
    if not 1 <= options.size <= MOST:
        broken.append(f"--size must lie in 1..{MOST}, got {options.size}.")
    if not 0 <= options.holdout < 1:
        broken.append(f"--holdout must be a share in [0, 1), got {options.holdout}.")
    if options.holdout and not options.salt:
        broken.append("--holdout needs a --salt, which says whose turn it is, got none.")
    if not 0 <= options.reasons <= MAX_REASONS:
        broken.append(f"--reasons must lie in 0..{MAX_REASONS}, got {options.reasons}.")
    if options.random_seed < 0:
        broken.append(f"--random-seed must not be negative, got {options.random_seed}.")
    if options.file and options.use_case:
        broken.append("A USE_CASE.toml and --use-case are the same asked twice, give one of them.")
    if options.file and not options.file.endswith(".toml"):
        broken.append("A use case that is not scored yet is a file that ends in .toml; of a day it is --use-case.")
    if options.as_of and not _use_case_file(options):
        broken.append("--as-of goes with a USE_CASE.toml on a log; without one it is the day in service.")
    if options.format and not options.output:
        broken.append("--format needs an --output, got none.")
    return broken + (_broken_contacts(options) if _is_addressed(options) else [])


def _is_addressed(options: argparse.Namespace) -> bool:
    """Whether the file is of no use without addresses."""
    return options.format in FORMS and FORMS[options.format].addressed


def _broken_contacts(options: argparse.Namespace) -> list[str]:
    from scoring.audiences.contacts import CHANNEL, named_contacts

    file = named_contacts(options.home)
    if file is None:
        return [f"--format {options.format} needs contacts, which `penchant score contacts` names, the home has none."]
    if file.channel != CHANNEL:
        return [f"--format {options.format} is of the channel {CHANNEL}, the home's contacts are of another."]
    return []


def _failed(code: int, *lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penchant lookalike",
        description="The customers most like those of a file, why, and how well members of the seed that were kept "
        "aside are found. Consent, objections, erasures and [pressure] hold as for every list.",
        epilog=EITHER_SIDE,
    )
    parser.add_argument("file", nargs="?", metavar="USE_CASE.toml", help="its source (default: the day in service)")
    parser.add_argument("--seed", type=Path, required=True, metavar="FILE", help="Parquet or CSV with a column of ids")
    parser.add_argument("--column", metavar="NAME", help="the column of ids, where the file has several")
    parser.add_argument("--size", type=int, required=True, metavar="N", help="how many customers")
    parser.add_argument("--use-case", metavar="NAME", help="whose features are compared (default: those of all)")
    parser.add_argument("--as-of", type=moment, metavar="D", help="of a log, by when (default: its end)")
    parser.add_argument("--holdout", type=float, default=0.0, metavar="SHARE", help="the share to hold out")
    parser.add_argument("--salt", help="which share, new for each list: with a hold-out it is kept as a campaign")
    parser.add_argument("--output", type=Path, metavar="F", help="where the list goes")
    parser.add_argument("--format", choices=FORMATS, help="of it (default: csv, of a .parquet Parquet)")
    parser.add_argument("--reasons", type=int, default=3, metavar="N", help="reasons a customer (default: %(default)s)")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the reasons (default: %(default)s)")
    parser.add_argument("--random-seed", type=int, default=0, metavar="N", help="of the draws (default: %(default)s)")
    add_shared_options(parser)
    return parser
