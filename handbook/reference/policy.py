"""The page of the policy language: keys of segments and goals, and every word that a rule may have."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date

import msgspec

from handbook.reference.keys import NONE, REQUIRED
from handbook.reference.kinds import IN_BOTH
from handbook.reference.page import code, described, heading, table
from handbook.reference.texts import Entry, Language, Phrase, entries, phrase
from scoring.segments import goals, policy_file, rule_parser
from scoring.segments.cut_points import Cuts
from scoring.segments.policy_file import PolicyError, read_policy
from scoring.segments.rule_texts import STATUSES
from scoring.segments.rules import FIELDS, SIGNS, Kind

_TYPES: Mapping[type, Phrase] = {
    str: phrase("text / texte"),
    dict: IN_BOTH,
    int: phrase("whole number / nombre entier"),
    bool: phrase("true or false / true ou false"),
    date: phrase("date / date"),
}
_LINES = {"use_cases": 'use_cases = ["churn"]', "code": 'code = "some"', "rule": 'rule = "churn.score > 70"'}
_LABEL = 'label = { fr = "Certains", en = "Some" }'
_REST = '[[segment]]\ncode = "rest"\nlabel = { fr = "Autres", en = "Others" }\nrule = "TRUE"\n'
# What examples of rules read.
KINDS: Mapping[str, Kind] = {
    **{f"churn.{field}": kind for field, kind in FIELDS.items()},
    "purchases": "number",
    "discovered.habits": "text",
    "discovered.habits_margin": "number",
}
CUTS: Cuts = {"purchases": tuple(float(tenth) for tenth in range(1, 10))}
_PARTS = {
    "policy": phrase("The file / Le fichier"),
    "segment": phrase("Keys of a segment / Les clés d'un segment"),
    "goal": phrase("Keys of a goal / Les clés d'un objectif"),
    "kpi": phrase("Figures of a goal / Les indicateurs d'un objectif"),
    "word": phrase("Words of a rule / Les mots d'une règle"),
    "sign": phrase("Comparisons / Les comparaisons"),
    "field": phrase("What a rule reads of an answer: churn.FIELD / Ce qu'une règle lit d'une réponse : churn.CHAMP"),
    "column": phrase("And beside it / Et à côté"),
    "status": phrase("Statuses / Les statuts"),
}
_WORD, _MEANS, _RULE = phrase("word / mot"), phrase("means / signifie"), phrase("a rule / une règle")
_ABOUT = Phrase(
    "`segments.toml` names segments by rules over scores, bands, statuses and features. A rule is one condition in "
    "SQL's words, never run as code; what is unknown makes a comparison unknown, and then the rule does not hold. "
    "`penchant score segments FILE` checks all of it and names every fault with its line. [The "
    "guide](../guide/segments.md).",
    "`segments.toml` nomme des segments par des règles sur les scores, niveaux, statuts et variables. Une règle est "
    "une condition dans les mots de SQL, jamais exécutée comme du code ; ce qui est inconnu rend une comparaison "
    "inconnue, et la règle n'est alors pas vraie. `penchant score segments FICHIER` vérifie tout et nomme chaque faute "
    "avec sa ligne. [Le guide](../guide/segments.md).",
)


def words() -> Iterator[tuple[str, str]]:
    """Every word of the language, as the code declares them: its part and itself."""
    yield from (("policy", "use_cases"), ("policy", "segment"))
    yield from (("segment", key) for key in policy_file._KEYS)
    yield from (("goal", key) for key in goals._KEYS)
    yield from (("kpi", kpi) for kpi in goals.KPIS)
    yield from (("word", word) for word in re.findall(r"\b[A-Z]{2,}(?: [A-Z]{2,})?\b|quantile", rule_parser._ALLOWED))
    yield from (("sign", sign) for sign in SIGNS)
    yield from (("field", field) for field in FIELDS)
    yield from (("column", name) for name in ("feature", "discovered", "margin"))
    yield from (("status", status) for status in STATUSES)


def faults(key: str, lines: str) -> list[str]:
    """What the code says of lines of a policy; nothing where they are right."""
    given = tomllib.loads(lines)
    kept = [line for name, line in {**_LINES, "label": _LABEL}.items() if name not in given and name != "use_cases"]
    top = lines if key == "use_cases" else _LINES["use_cases"]
    own = [] if key == "use_cases" else [lines]
    text = "\n".join([top, "[[segment]]", *kept, *own, _REST])
    try:
        read_policy(text, {"churn": ()})
    except PolicyError as failure:
        return failure.faults
    return []


def policy_page(language: Language) -> str:
    """The page."""
    title = phrase("The policy language / Le langage des segments").text(language)
    lines = [f"# {title}", "", _ABOUT.text(language), ""]
    found: dict[str, list[str]] = {part: [] for part in _PARTS}
    for part, word in words():
        if f"{part}.{word}" in entries("policy"):  # a test says where it is not
            found[part].append(word)
    for part, named in found.items():
        lines += [heading(_PARTS[part].text(language), 2, code=False), ""]
        if part in ("policy", "segment", "goal"):
            for word in named:
                lines += _key(part, word, language)
        else:
            lines += _table(part, named, language)
    return "\n".join(lines)


def _key(part: str, word: str, language: Language) -> list[str]:
    entry = entries("policy")[f"{part}.{word}"]
    if entry.example is None:
        return [heading(f"[[{word}]]"), "", entry.text(language), ""]
    wrong = faults(word, entry.wrong or "")
    name = f"goal.{word}" if part == "goal" else word
    return described(
        name,
        entry,
        language,
        type_=_type(word, entry).text(language),
        default=_default(word, entry).text(language),
        example=entry.example,
        error=wrong[0] if wrong else "",
    )


def _type(word: str, entry: Entry) -> Phrase:
    return phrase(entry.type) if entry.type else _TYPES[policy_file._KEYS[word][0]]


def _default(word: str, entry: Entry) -> Phrase:
    if entry.default:
        return phrase(entry.default)
    stated = {field.name: field for field in msgspec.structs.fields(policy_file._Stated)}
    if word in ("label", "code", "rule"):
        return REQUIRED
    value = stated[word].default if word in stated else None
    if value is None:
        return NONE
    shown = f'"{value}"' if isinstance(value, str) else str(value).lower()
    return Phrase(f"`{shown}`", f"`{shown}`")


def _table(part: str, named: list[str], language: Language) -> list[str]:
    said = {word: entries("policy")[f"{part}.{word}"] for word in named}
    examples = any(entry.example for entry in said.values())
    head = [_WORD.text(language), _MEANS.text(language), *([_RULE.text(language)] if examples else [])]
    rows = [
        [code(word), entry.text(language), *([code(entry.example)] if entry.example else [])]
        for word, entry in said.items()
    ]
    return table(head, rows)
