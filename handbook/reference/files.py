"""Pages of the files that people write: each key with its type, default, example, and an error as the code words it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from handbook.reference.keys import Key, keys_of
from handbook.reference.page import described, heading
from handbook.reference.texts import Entry, Language, Phrase, entries, phrase
from handbook.reference.tried import KINDS, FileKind, errors, shown

_CATALOGUES = ("use_case", "daily")
_TITLES = {
    "use_case": phrase("The use-case file / Le fichier d'un cas d'usage"),
    "discovery": phrase("The discovery file / Le fichier de découverte de groupes"),
    "run": phrase("run.toml, the day / run.toml, la journée"),
    "destination": phrase("DEST.toml, a destination / DEST.toml, une destination"),
    "monitor": phrase("monitor.toml, alerts / monitor.toml, les alertes"),
    "dossier": phrase("dossier.toml, what only you can state / dossier.toml, ce que vous seul pouvez dire"),
}
_ABOUT = {
    "use_case": Phrase(
        "Which data, which moment, which question: TOML, one file per model. Paths are from where the file is. Every "
        "broken key is named at once, with exit code 2. [Your own data](../guide/your-own-data.md) shows files at "
        "work.",
        "Quelles données, quel moment, quelle question : du TOML, un fichier par modèle. Les chemins partent de "
        "l'emplacement du fichier. Toutes les clés fautives sont nommées d'un coup, avec le code de sortie 2. "
        "[Vos propres données](../guide/your-own-data.md) montre des fichiers à l'œuvre.",
    ),
    "discovery": Phrase(
        "What `penchant discover` reads: data and `[discover]`, without a question. A use case that has `[discover]` "
        "may stand in its place. [The guide](../guide/discover.md).",
        "Ce que lit `penchant discover` : des données et `[discover]`, sans question. Un cas d'usage qui a "
        "`[discover]` convient aussi. [Le guide](../guide/discover.md).",
    ),
    "run": Phrase(
        "`HOME/run.toml` says what a day holds; the first training writes it. [The guide](../guide/every-day.md).",
        "`HOME/run.toml` dit ce que contient une journée ; le premier entraînement l'écrit. "
        "[Le guide](../guide/every-day.md).",
    ),
    "destination": Phrase(
        "A tool that sends, the audience kept there, and by whose consent; read by `penchant activate` and the daily "
        "run. [The guide](../guide/deliveries.md).",
        "Un outil d'envoi, l'audience qui y est tenue, et avec quels consentements ; lu par `penchant activate` et "
        "l'exécution quotidienne. [Le guide](../guide/deliveries.md).",
    ),
    "monitor": Phrase(
        "`HOME/monitor.toml`; all of it is optional. [The guide](../guide/monitoring.md).",
        "`HOME/monitor.toml` ; tout y est facultatif. [Le guide](../guide/monitoring.md).",
    ),
    "dossier": Phrase(
        "`HOME/dossier.toml`; what is left out is marked as to be filled in. [The guide](../guide/accountability.md).",
        "`HOME/dossier.toml` ; ce qui manque est marqué à compléter. [Le guide](../guide/accountability.md).",
    ),
}
_BESIDE = phrase("Beside the sections / Hors des sections")
_ALSO = phrase("Described above / Décrites plus haut")
_COLON = {"en": ":", "fr": "\u00a0:"}
_NAMES = {"use_case": "use-case-file", "discovery": "discovery-file", "run": "run-toml"}


def said_of(name: str) -> Entry | None:
    """What the catalogues say of a key, by its name there."""
    return next((found[name] for one in _CATALOGUES if name in (found := entries(one))), None)


def file_name(kind: FileKind) -> str:
    """What its page is called."""
    return _NAMES.get(kind.name, f"{kind.name}-toml") + ".md"


def file_pages(language: Language) -> Iterator[tuple[PurePosixPath, str]]:
    """The page of each kind of file."""
    for kind in KINDS:
        yield PurePosixPath("reference") / file_name(kind), "\n".join(_page(kind, language))


def _page(kind: FileKind, language: Language) -> list[str]:
    lines = [f"# {_TITLES[kind.name].text(language)}", "", _ABOUT[kind.name].text(language), ""]
    alone: list[str] = []
    sections: list[str] = []
    met: dict[str, str] = {}  # where a key was described, by its name in the catalogue
    again: list[str] = []
    for key in keys_of(kind.model, kind.name):
        if len(key.path) == 1 and key.is_section:
            sections += _repeated(again, language)
        if key.name in met:
            again.append(f"[`{key.shown}`](#{met[key.name]})")
            continue
        met[key.name] = key.shown.replace(".", "-")
        (alone if len(key.path) == 1 and not key.is_section else sections).extend(_key(kind, key, language))
    sections += _repeated(again, language)
    if alone:
        lines += [heading(_BESIDE.text(language), 2, code=False), "", *alone]
    return [*lines, *sections]


def _repeated(again: list[str], language: Language) -> list[str]:
    """A line of the keys that were described in another section; it empties the list."""
    lines = [f"{_ALSO.text(language)}{_COLON[language]} {', '.join(again)}.", ""] if again else []
    again.clear()
    return lines


def _key(kind: FileKind, key: Key, language: Language) -> list[str]:
    entry = said_of(key.name)
    if entry is None:  # a test says so; the page is made all the same
        return [heading(key.shown), ""]
    if key.is_section and entry.example is None:
        title = f"[[{key.shown}]]" if key.repeated else f"[{key.shown}]"
        level = 2 if len(key.path) == 1 else 3
        return [f"{'#' * level} `{title}` {{ #{key.shown.replace('.', '-')} }}", "", entry.text(language), ""]
    wrong = errors(kind, key, entry, entry.wrong or "")
    return described(
        key.shown,
        entry,
        language,
        type_=phrase(entry.type).text(language) if entry.type else key.type.text(language),
        default=phrase(entry.default).text(language) if entry.default else key.default.text(language),
        example=shown(key, entry.example or ""),
        error=wrong[0] if wrong else "",
    )
