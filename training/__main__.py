"""`python -m training`: retrain, promote, sync; messages on stderr, results on stdout.

Arguments and use-case files are checked before any library that learns is loaded: commands import what they run late.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.config.engine.chosen_engine import with_engine
from features.config.use_case import UseCase
from features.errors import DataError, UseCaseError
from features.landing.first import landed_use_case
from features.spec.options import EITHER_SIDE, add_engine_options, add_shared_options, command_first, program
from features.spec.terminal import print_to_any_terminal
from scoring.population.daily_file import add_use_case
from scoring.privacy.marks_of_trail import mark_by_trail
from scoring.releases.current_pointer import current_version, required_version
from training.errors import NothingLearned, PlanError, Refused, RegistryError
from training.report.terminal import plan_table, training_table

if TYPE_CHECKING:
    from scoring.releases.store import Release
    from training.registry.lines import SyncLine, TrainingLine
    from training.registry.mlflow_registry import Registry

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ("examples/cdnow/propensity.toml", "examples/cdnow/churn.toml", "examples/bank/term-deposit.toml")
DONE, FAILED, USAGE, BAD_DATA, NOT_PROMOTED, NO_REGISTRY, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
OWNER_ONLY = 0o077  # the umask of every command: what lies in a home, MLflow's copies too, is its owner's alone
CODES: tuple[tuple[type[Exception], int], ...] = (
    (UseCaseError, USAGE),
    (PlanError, USAGE),
    (DataError, BAD_DATA),
    (NothingLearned, NOT_PROMOTED),
    (Refused, NOT_PROMOTED),
    (RegistryError, NO_REGISTRY),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    print_to_any_terminal()
    given = command_first(sys.argv[1:] if arguments is None else arguments, RUN)
    command = given.pop(0) if given and given[0] in RUN else "train"
    before = os.umask(OWNER_ONLY)
    try:
        return RUN[command](_parser(command).parse_args(given))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, OSError) as error:
        return _fail(error)
    finally:
        os.umask(before)


def _train(options: argparse.Namespace) -> int:
    """Each use case by itself: one that fails does not keep the others from being trained.

    All files are read before any library is loaded, so that a typing error costs nothing.
    """
    files = options.use_cases or _examples()
    if not files:
        print("error: A USE_CASE.toml must be named where the examples are not at hand, got none.", file=sys.stderr)
        return USAGE
    use_cases, codes = [], []
    for file in files:
        try:
            use_case = landed_use_case(file, options.home)
            use_cases.append(with_engine(use_case, options.engine, options.master, options.url_env))
        except (ValueError, OSError) as error:
            codes.append(_fail(error))
    lines = _train_all(use_cases, options, codes) if use_cases else []
    _print(lines, training_table, as_json=options.json)
    return next((code for code in codes if code), DONE)


def _examples() -> list[Path]:
    """The examples of a checkout; an installed package has none."""
    return [file for example in EXAMPLES if (file := ROOT / example).is_file()]


def _train_all(use_cases: Sequence[UseCase], options: argparse.Namespace, codes: list[int]) -> list[TrainingLine]:
    """The lines of those that could be trained; every exit code is added to `codes`."""
    with _collector_paused():
        from training.train import train

    try:
        mark_by_trail(options.home)  # whose erasure a backup has undone is not learned from
    except sqlite3.Error as error:
        codes.append(_fail(OSError(f"The list of objectors must be readable, got {type(error).__name__}.")))
        return []
    registry, lines = _registry(options), []
    for use_case in use_cases:
        before = current_version(options.home, use_case.name)
        try:
            line = train(use_case, home=options.home, registry=registry, mode=options.promote)
        except (ValueError, OSError) as error:
            codes.append(_fail(error))
        else:
            lines.append(line)
            if before is None and line["release"]:  # the first one in service; a later one finds what its owner wrote
                add_use_case(options.home, use_case.file, daily=use_case.source == "log" and use_case.treatment is None)
            codes.append(_outcome(line, registry, options.promote))
    return lines


def _sync(options: argparse.Namespace) -> int:
    with _collector_paused():
        from training.promotion.sync import home_lock, sync, watch

    registry = _registry(options)
    if options.watch:
        for changed in watch(registry, options.home):
            _print(changed, _released, as_json=options.json)
        return DONE
    with home_lock(options.home):
        lines = sync(registry, options.home)
    _print(lines, _released, as_json=options.json)
    return DONE


def _promote(options: argparse.Namespace) -> int:
    with _collector_paused():
        from training.promotion.sync import promote

    return _moved(options, promote)


def _rollback(options: argparse.Namespace) -> int:
    with _collector_paused():
        from training.promotion.sync import rollback

    return _moved(options, rollback)


def _moved(options: argparse.Namespace, move: Any) -> int:
    """Moves an alias under this home's lock and prints what is released now."""
    from training.promotion.sync import home_lock

    registry = _registry(options)
    with home_lock(options.home):
        line = move(registry, options.home, options.name, options.version)
    _print([line], _released, as_json=options.json)
    return DONE


def _report(options: argparse.Namespace) -> int:
    release = _current_release(options)
    path = release.folder / "report.html"
    if not path.is_file():
        raise Refused(f"A report stands in a release, the one of {options.name} has none.")
    _print([{"name": options.name, "report": str(path)}], lambda lines: lines[0]["report"], as_json=options.json)
    return DONE


def _plan(options: argparse.Namespace) -> int:
    import msgspec

    from scoring.models.threshold_planner import Ask, Market, plan

    limits = {name: getattr(options, name) for name in ("capacity", "precision", "lift", "cost", "value", "save_rate")}
    stored = _current_release(options).bundle.files.get("population.json")
    if stored is None:
        raise PlanError(
            f"A plan needs the population in the release, the one of {options.name} has none: train it again."
        )
    market, ask = Market.from_json(json.loads(stored)), Ask(**limits)
    if not ask.words():  # as the bands by default: the highest tenth, or all who share the highest score
        ask = Ask(capacity=max(int(market.rows.sum()) // 10, int(market.rows[0])))
        print("nothing was asked: planned for the highest tenth", file=sys.stderr)
    planned = plan(market, ask)
    line = {"name": options.name, **msgspec.to_builtins(planned)}
    _print([line], lambda _: plan_table(options.name, planned), as_json=options.json)
    return DONE


def _current_release(options: argparse.Namespace) -> Release:
    """The release of the use case; that there is one is checked before any library is loaded."""
    version = required_version(options.home, options.name)
    from scoring.releases.store import load_release

    return load_release(options.home, options.name, version=version)


def _registry(options: argparse.Namespace) -> Registry:
    """The home's registry, reached under the home's lock: MLflow's first start makes its database, one at a time."""
    with _collector_paused():
        from training.promotion.sync import home_lock
        from training.registry.mlflow_registry import Registry

    with home_lock(options.home):
        return Registry(options.home)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Libraries are imported without the garbage collector, and what they made is hidden from it.

    They make a million objects that stay: to look through them again and again takes a fifth of the time of importing
    them, and a twentieth of a small training.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _outcome(line: TrainingLine, registry: Registry, mode: str) -> int:
    """4 where a finding blocks, or nothing serves though a gate was asked to let something through."""
    if line["refused"] or any(finding["severity"] == "block" for finding in line["findings"]):
        return NOT_PROMOTED
    if mode != "never" and registry.champion(line["name"]) is None:
        return NOT_PROMOTED
    return DONE


def _released(lines: Sequence[SyncLine]) -> str:
    return "\n".join(f"{line['name']}  version {line['version']}  {line['release']}" for line in lines)


def _print(lines: list[Any], render: Callable[[Any], str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(lines, ensure_ascii=False, indent=1, allow_nan=False))
    elif lines:
        print(render(lines))


def _fail(error: Exception) -> int:
    """Prints every broken rule and gives the exit code of that kind of error."""
    rules = (
        [f"{error.file}: {rule}" for rule in error.broken] if isinstance(error, UseCaseError | DataError) else [error]
    )
    print("\n".join(f"error: {rule}" for rule in rules), file=sys.stderr)
    return next((code for kind, code in CODES if isinstance(error, kind)), FAILED)


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{program('training')}{'' if command == 'train' else ' ' + command}")
    add_shared_options(parser)
    if command == "train":
        parser.description = "Retrains use cases."
        parser.epilog = f"Other commands: {', '.join(name for name in RUN if name != 'train')}. {EITHER_SIDE}"
        parser.add_argument("use_cases", nargs="*", type=Path, metavar="USE_CASE.toml", help="default: the examples")
        parser.add_argument("--promote", choices=("gate", "never", "always"), default="gate")
        add_engine_options(parser)
    elif command == "sync":
        parser.add_argument("--watch", action="store_true", help="go on looking")
    else:
        parser.add_argument("name", metavar="NAME", help="the use case")
    if command == "plan":
        parser.description = "The cut that an ask means in today's population, with what to expect of it."
        parser.add_argument("--capacity", type=int, help="most customers that can be contacted")
        parser.add_argument("--min-precision", dest="precision", type=float, help="least share of hits among them")
        parser.add_argument("--min-lift", dest="lift", type=float, help="least precision over the population's rate")
        parser.add_argument("--cost", type=float, help="of one contact; with --value")
        parser.add_argument("--value", type=float, help="of one hit that a contact wins; with --cost")
        parser.add_argument("--save-rate", type=float, default=1.0, help="share of hits that a contact wins")
    if command in ("promote", "rollback"):
        parser.add_argument("version", metavar="VERSION", nargs="?")
    return parser


RUN: dict[str, Callable[[argparse.Namespace], int]] = {
    "train": _train,
    "sync": _sync,
    "promote": _promote,
    "rollback": _rollback,
    "plan": _plan,
    "report": _report,
}

if __name__ == "__main__":
    raise SystemExit(main())
