"""The reference has every key, word, command, option and route that the code has, in both languages; examples hold."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from features.config.use_case import UseCaseFile
from handbook.reference import commands, policy, routes, stream
from handbook.reference.files import file_name, file_pages, said_of
from handbook.reference.keys import Key, keys_of
from handbook.reference.page import anchor
from handbook.reference.policy import CUTS, KINDS
from handbook.reference.texts import LANGUAGES, Language, entries, translations
from handbook.reference.tried import KINDS as FILES
from handbook.reference.tried import FileKind, errors
from scoring.segments.rule_parser import parse_rule

IN_BOTH = pytest.mark.parametrize("language", LANGUAGES)
# Contract 1 of the design, and what came later: sections and keys that a use case may have.
CONTRACT = """
name polarity seed candidate effect human_decision title outcome monotone families what_if engagement accepted_leaks
events.path events.customer_id events.timestamp events.timestamp_format events.amount events.type events.id events.order
events.refund events.properties events.measures events.currency events.links events.formats events.ingest events.query
profiles.path profiles.customer_id profiles.valid_from profiles.valid_from_format profiles.exclude profiles.groups
window.observation window.gap window.prediction window.test_cutoff window.train_cutoffs
eligible.active_within label.event label.outcome
table.path table.label table.positive table.exclude table.customer_id table.order_by table.order_by_format table.formats
bands.codes bands.labels bands.percentiles bands.scores bands.plan names reasons.forbid quality.bad_rows labels actions
counts.name counts.event counts.where counts.months counts.unless counts.within calendar model value discover treatment
"""


def named_keys() -> Iterator[tuple[FileKind, Key]]:
    """Each key that is described, where it stands first."""
    met: set[str] = set()
    for kind in FILES:
        for key in keys_of(kind.model, kind.name):
            if key.name not in met:
                met.add(key.name)
                yield kind, key


def test_the_keys_walked_are_those_of_the_contract() -> None:
    """What the design promises of a use case is what the models read."""
    walked = {key.shown for key in keys_of(UseCaseFile, "use_case")}

    assert set(CONTRACT.split()) - walked == set()


@IN_BOTH
def test_every_key_of_every_file_is_described(language: Language) -> None:
    """With its type, default and text: all of them, of the pages as they are shown."""
    pages = {path.name: text for path, text in file_pages(language)}
    keys = [(kind, key) for kind in FILES for key in keys_of(kind.model, kind.name)]
    missing = [
        key.shown for kind, key in keys if not re.search(rf"`\[*{re.escape(key.shown)}\]*`", pages[file_name(kind)])
    ]

    assert len(keys) > 300
    assert missing == []
    assert sorted({key.name for _, key in keys if said_of(key.name) is None}) == []


def test_no_text_speaks_of_a_key_that_is_not_there() -> None:
    """What the code forgets the catalogues forget."""
    names = {key.name for _, key in named_keys()}

    assert {*entries("use_case"), *entries("daily")} - names == set()


@pytest.mark.parametrize("name", ["use_case", "daily", "policy", "stream"])
def test_every_text_is_in_both_languages(name: str) -> None:
    """Neither is empty, and none is the other."""
    assert [key for key, entry in entries(name).items() if not entry.en or not entry.fr or entry.en == entry.fr] == []


def test_every_example_of_a_key_is_read_and_every_wrong_one_refused() -> None:
    """By the code that reads such files, so that the error shown is the one people get."""
    refused, passed = [], []
    for kind, key in named_keys():
        entry = said_of(key.name)
        assert entry is not None, key.name
        if key.is_section and entry.example is None:
            continue
        assert entry.example, key.name
        assert entry.wrong, key.name
        refused += [(key.name, found) for found in errors(kind, key, entry, entry.example)]
        passed += [key.name] if not errors(kind, key, entry, entry.wrong) else []

    assert refused == []
    assert passed == []


@IN_BOTH
def test_every_word_of_the_policy_language_is_described(language: Language) -> None:
    """Keys of segments and goals, words and signs of rules, fields, statuses."""
    words = [f"{part}.{word}" for part, word in policy.words()]
    page = policy.policy_page(language)

    assert len(words) > 50
    assert set(words) ^ set(entries("policy")) == set()
    assert [word for word in words if entries("policy")[word].text(language) not in page] == []


def test_every_example_of_a_policy_is_read_and_every_wrong_one_refused() -> None:
    """Rules by the parser of rules, keys by the reader of policies."""
    for part, word in policy.words():
        entry = entries("policy")[f"{part}.{word}"]
        if entry.example is not None and part in ("word", "sign", "field", "column"):
            parse_rule(entry.example, KINDS, CUTS)
        elif entry.example is not None:
            assert policy.faults(word, entry.example) == []
            assert policy.faults(word, entry.wrong or "") != [], word


@IN_BOTH
def test_every_command_and_option_is_described(language: Language) -> None:
    """As its own parser declares them."""
    page = commands.commands_page(language)
    found = commands.commands()

    assert len(found) > 40
    assert [one.name for one in found if f"`{one.name}`" not in page] == []
    assert [said for said, _ in commands.to_translate() if not commands._text(said, language)] == []
    assert [
        argument.shown for one in found for argument in one.arguments if f"| `{argument.shown}` |" not in page
    ] == []


def test_the_french_of_commands_is_of_what_they_say() -> None:
    """A text of the code that changed has no French until it is translated anew; one that went leaves none."""
    said = {text for text, _ in commands.to_translate()}
    shared = {f"every {name}" for name in ("home", "json", "help")}

    assert said - set(translations("commands_fr")) == set()
    assert set(translations("commands_fr")) - said == shared
    assert {text for text in said if text.startswith("penchant ")} | shared == set(translations("commands_en"))


@IN_BOTH
def test_every_route_is_described(language: Language) -> None:
    """And every webhook, as the server describes itself, each with its French."""
    page = routes.api_page(language)
    found = [*routes.routes(), *routes.webhooks()]

    assert len(found) > 15
    assert [one for one in found if f"## `{one.method} {one.path}`" not in page] == []
    assert {one.summary for one in found} ^ set(translations("routes_fr")) == set()


def test_describing_the_commands_bars_no_library() -> None:
    """Though those of the server do, as they are called."""
    before = list(sys.meta_path)
    commands.commands.cache_clear()

    assert commands.commands()
    assert sys.meta_path == before


@IN_BOTH
def test_every_key_of_a_stream_is_described(language: Language) -> None:
    """Examples are read and wrong lines refused."""
    page = stream.stream_page(language)

    assert {f"{section}.{name}" for section, name in stream.known_keys()} ^ set(entries("stream")) == set()
    for section, name in stream.known_keys():
        entry = entries("stream")[f"{section}.{name}"]
        assert entry.text(language) in page
        assert stream.broken(section, name, entry.example or "") == []
        assert stream.broken(section, name, entry.wrong or "") != []


@IN_BOTH
def test_the_built_pages_hold_what_the_reference_says(site: Path, language: Language) -> None:
    """Each key of a use case is a place that a link may lead to."""
    folder = site / ("" if language == "en" else language)
    page = (folder / "reference/use-case-file.html").read_text(encoding="utf-8")
    shown = [key for kind, key in named_keys() if kind.name == "use_case"]

    assert [key.shown for key in shown if f'id="{anchor(key.shown)}"' not in page] == []


def test_both_languages_are_known() -> None:
    """Those of the product."""
    assert set(LANGUAGES) == set(get_args(Language))
