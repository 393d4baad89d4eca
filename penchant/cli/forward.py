"""`penchant COMMAND ...` is `python -m PACKAGE ...`, in this process; the package is imported when it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from features.spec.options import EITHER_SIDE, command_first
from features.spec.terminal import print_to_any_terminal
from penchant.lineage.asked import may_be_asked_for
from scoring.lean_imports import bar_training_libraries

USAGE = 2
FOLLOWED = ("features", "train", "score", "activate")  # what an orchestrator calls, by penchant/lineage


@dataclass(frozen=True, slots=True)
class Command:
    """One word after `penchant`."""

    package: str | None  # what `python -m` would be asked for; None where the command is penchant's own
    module: str  # where its `main` stands
    help: str
    commands: tuple[str, ...]  # its own sub-commands
    lean: bool = False  # whether it runs without the libraries of training
    beside: str | None = None  # a package that may not be installed, without which there is no such command


_ALL = {
    "train": Command(
        "training",
        "training.__main__",
        "train use cases, register and promote them",
        ("sync", "promote", "rollback", "plan", "report"),
    ),
    "features": Command(
        "features",
        "features.__main__",
        "feature tables, use cases and reports of data",
        ("build", "history", "init", "duplicates", "report", "prove"),
    ),
    "score": Command(
        "scoring",
        "scoring.cli.main",
        "score a file of customers; segments and their audiences",
        ("segments", "sql", "snapshot", "export", "contacts", "segment-report"),
        lean=True,
    ),
    "run": Command(
        None,
        "penchant.cli.run",
        "the day: features, scores, reasons and segments of all customers, the online store, flows",
        ("status",),
    ),
    "ingest": Command(
        None,
        "penchant.cli.ingest",
        "what lies elsewhere than in files of this machine, landed in the home: what is new, or all compared",
        (),
    ),
    "outcomes": Command(
        None,
        "penchant.cli.outcomes",
        "what became of the customers whom a day scored, by the log or by a file",
        (),
        beside="monitoring",
    ),
    "monitor": Command(
        None,
        "penchant.cli.monitor",
        "whether the scores are to be trusted, and why",
        ("ack",),
        beside="monitoring",
    ),
    "audit": Command(
        None,
        "penchant.cli.audit",
        "one file on some months: served, promoted, refused, alerted, erased, and how good it turned out to be",
        ("trail",),
        beside="monitoring",
    ),
    "retention": Command(
        None,
        "penchant.cli.retention",
        "every store of a home, its oldest row and its rule; what is too old goes with each run",
        ("purge",),
    ),
    "backup": Command(
        None,
        "penchant.cli.backup",
        "a copy of a home that serves, and of the ledger of erasures and objections",
        (),
    ),
    "restore": Command(
        None,
        "penchant.cli.restore",
        "a home again from a backup, without whoever was erased or objected since",
        (),
    ),
    "dossier": Command(
        None,
        "penchant.cli.dossier",
        "the record of processing, a draft impact assessment, a notice and the recipients, from what runs",
        (),
    ),
    "campaign": Command(
        "activation",
        "activation.cli.main",
        "what lists that left with a hold-out brought: outcomes, effect, next step",
        ("list", "show", "outcomes", "result", "threshold", "move"),
        beside="activation",
    ),
    "lookalike": Command(
        None,
        "penchant.cli.lookalike",
        "the customers most like those of a file, why, and how well that is known",
        (),
    ),
    "activate": Command(
        None,
        "activation.cli.activate",
        "audiences kept at tools that send, by consent; what they report comes back",
        ("plan", "sync", "pull", "status"),
        beside="activation",
    ),
    "stream": Command(
        None,
        "penchant.cli.stream",
        "events from a topic or a queue move scores and segments as they come; changes are published",
        (),
        lean=True,
    ),
    "discover": Command(
        None,
        "penchant.cli.discover",
        "groups of customers that the data shows, and whether they are real",
        (),
    ),
    "serve": Command(
        "serving",
        "serving.__main__",
        "serve the releases of a home over HTTP; keys, the online store, objections",
        ("keys", "load", "replay", "suppress", "copy"),
        lean=True,
    ),
}

COMMANDS = {name: command for name, command in _ALL.items() if command.beside is None or find_spec(command.beside)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Forwards to a command and returns its exit code; 2 where there is none of that name."""
    print_to_any_terminal()
    name, *rest = command_first(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help"):
        print(_help())
        return 0
    if name not in COMMANDS:
        refused = f"A command must be one of {', '.join(COMMANDS)}, got {name!r}."
        print(f"error: {refused} `penchant --help` says more.", file=sys.stderr)
        return USAGE
    command = COMMANDS[name]
    if command.lean:
        bar_training_libraries()  # before anything imports xgboost
    sys.argv = [f"penchant {name}", *rest]  # what its help and errors call it
    if name not in FOLLOWED or not may_be_asked_for(rest):
        return int(import_module(command.module).main(rest))
    from penchant.lineage.command_lineage import followed

    with followed(name, command.commands, rest) as job:
        code = int(import_module(command.module).main(rest))
        job.failure = f"exit code {code}" if code else None
    return code


def _help() -> str:
    """All commands with their own ones."""
    lines = ["usage: penchant COMMAND ...", "", "Predicts what each customer will do next, and says why.", ""]
    for name, command in COMMANDS.items():
        same = f" (= python -m {command.package})" if command.package else ""
        lines += [f"  {name:9}  {command.help}{same}"]
        lines += [f"  {'':9}  {name} {', '.join(command.commands)}"] if command.commands else []
    return "\n".join([*lines, "", EITHER_SIDE])
