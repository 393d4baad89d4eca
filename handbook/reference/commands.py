"""The page of the commands: each with its arguments and options, as its own parser declares them."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from unittest.mock import patch

from handbook.reference.page import code, heading, table
from handbook.reference.texts import Language, Phrase, phrase, translations
from penchant.cli.forward import _ALL, COMMANDS

SHARED = ("--help", "--home", "--json")  # of every command, described once
_ABOUT = Phrase(
    "`penchant COMMAND`; `penchant train`, `features`, `score` and `serve` are `python -m training`, `features`, "
    "`scoring` and `serving`. Results are on stdout, progress and messages on stderr.",
    "`penchant COMMANDE` ; `penchant train`, `features`, `score` et `serve` sont `python -m training`, `features`, "
    "`scoring` et `serving`. Les résultats vont sur stdout, la progression et les messages sur stderr.",
)
_CODES = {
    "0": phrase("done, also when the present model stays / fait, aussi quand le modèle en place reste"),
    "1": phrase("failed / échec"),
    "2": phrase("the command or its file is wrong / la commande ou son fichier est fautif"),
    "3": phrase("the data broke their contract / les données ne respectent pas leur contrat"),
    "4": phrase(
        "nothing could be promoted and there is no model, a promotion was refused, or a leak is suspected / "
        "rien n'a pu être promu et il n'y a pas de modèle, une promotion a été refusée, ou une fuite est suspectée"
    ),
    "5": phrase("the registry could not be reached / le registre est injoignable"),
    "6": phrase("stopped on purpose, and can be resumed / arrêt volontaire, peut reprendre"),
    "7": phrase("an alert is open (`penchant monitor`) / une alerte est ouverte (`penchant monitor`)"),
    "130": phrase("interrupted / interrompu"),
}
_OPTION, _SAYS = phrase("argument or option / argument ou option"), phrase("says / dit")
_DEFAULT, _MUST = phrase("default / valeur par défaut"), phrase("required / obligatoire")
_EXIT, _SHARED = phrase("Exit codes / Codes de sortie"), phrase("For every command / Pour toutes les commandes")
_COLON = {"en": ":", "fr": "\u00a0:"}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument or option of a command."""

    shown: str  # as it is typed
    help: str  # English, of the code
    default: str
    is_required: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what is typed, what it does, what it takes."""

    name: str
    help: str
    arguments: tuple[Argument, ...]


class _Found(Exception):  # noqa: N818 - it carries a parser, nothing failed
    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


@cache
def commands() -> tuple[Command, ...]:
    """Every command and its own ones, from the parsers that a `--help` would print."""
    return tuple(found for name in COMMANDS for found in _of(name))


def _of(name: str) -> Iterator[Command]:
    command = _ALL[name]
    for own in ((), *((one,) for one in command.commands)):
        parser = _parser(name, own)
        said = command.help if not own else (parser.description or "")
        yield _described(f"penchant {' '.join((name, *own))}", said, parser)
        for further, within in _within(parser):
            if (further,) != own and further not in command.commands:
                yield _described(f"penchant {' '.join((name, *own, further))}", within.description or "", within)


def _parser(name: str, own: Sequence[str]) -> argparse.ArgumentParser:
    """The parser that a command makes, caught as it prints its help.

    A command of the server bars the training libraries first, which others need afterwards: that is undone.
    """

    def caught(self: argparse.ArgumentParser, _file: object = None) -> None:
        raise _Found(self)

    importlib.import_module("scipy.sparse")  # the bar would put an empty one in its place
    module = importlib.import_module(_ALL[name].module)
    with (
        patch.object(sys, "meta_path", list(sys.meta_path)),
        patch.object(argparse.ArgumentParser, "print_help", caught),
        patch.object(sys, "argv", [f"penchant {name}", *own]),
        contextlib.suppress(SystemExit),
    ):
        try:
            module.main([*own, "--help"])
        except _Found as found:
            return found.parser
    raise LookupError(f"Every command takes --help, got none of {name} {' '.join(own)}.")


def _within(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _described(name: str, said: str, parser: argparse.ArgumentParser) -> Command:
    taken = [
        _argument(action)
        for action in parser._actions
        if not isinstance(action, argparse._SubParsersAction) and not set(action.option_strings) & set(SHARED)
    ]
    return Command(name, said, tuple(taken))


def _argument(action: argparse.Action) -> Argument:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    takes = "" if action.nargs == 0 else f" {metavar}"
    shown = ", ".join(f"{option}{takes}" for option in action.option_strings) or metavar
    shown += "…" if action.nargs in ("+", "*") else ""
    plain = action.default if isinstance(action.default, str | int | float) and action.option_strings else None
    default = "" if plain is None or isinstance(plain, bool) or plain == "" else str(plain)
    said = (action.help or "").replace("%(default)s", default)
    is_required = action.required if action.option_strings else action.nargs not in ("?", "*")
    return Argument(shown, said, default, is_required, tuple(map(str, action.choices or ())))


def to_translate() -> Iterator[tuple[str, str]]:
    """Each text that stands in English in the code, or none does: the French catalogue's key, and where it stands."""
    for command in commands():
        yield command.help or command.name, command.name
        for argument in command.arguments:
            yield said_key(command, argument), f"{command.name} {argument.shown}"


def said_key(command: Command, argument: Argument) -> str:
    """What the catalogue calls the text of an argument: its English, else where it stands."""
    return argument.help or f"{command.name} {argument.shown.partition(' ')[0].rstrip('…')}"


def _text(key: str, language: Language) -> str:
    english = translations("commands_en").get(key, key)
    return translations("commands_fr").get(key, english) if language == "fr" else english


def commands_page(language: Language) -> str:
    """The page."""
    title = phrase("The command / La commande").text(language)
    lines = [f"# {title}", "", _ABOUT.text(language), ""]
    lines += [heading(_SHARED.text(language), 2, code=False), ""]
    shared = {"--home DIR": "home", "--json": "json", "--help": "help"}
    head = [_OPTION.text(language), _SAYS.text(language)]
    lines += table(head, [[code(option), _text(f"every {name}", language)] for option, name in shared.items()])
    lines += [heading(_EXIT.text(language), 2, code=False), ""]
    lines += table([phrase("code / code").text(language), head[1]], [[k, v.text(language)] for k, v in _CODES.items()])
    for command in commands():
        deep = command.name.count(" ")
        lines += [heading(command.name, 2 if deep == 1 else 3), "", _text(command.help or command.name, language), ""]
        if command.arguments:
            lines += table(head, [[code(one.shown), _says(command, one, language)] for one in command.arguments])
    return "\n".join(lines)


def _says(command: Command, argument: Argument, language: Language) -> str:
    said = _text(said_key(command, argument), language)
    if argument.choices:
        said += f" ({', '.join(f'`{one}`' for one in argument.choices)})"
    if argument.is_required:
        return f"{said} ({_MUST.text(language)})"
    if argument.default and argument.default not in said:
        return f"{said} ({_DEFAULT.text(language)}{_COLON[language]} `{argument.default}`)"
    return said
