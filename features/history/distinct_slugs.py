"""Slugs of levels and types that stay apart: where two texts would have one slug, the later one's is numbered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import ibis
import ibis.expr.types as ir

from features.columns.expressions import as_text, slug, slugs
from features.sources.engine import frame
from features.sources.source import Source
from features.spec.feature import normalise

_TEXT, _SLUG, _KEY, _AT = "__text", "__slug", "__key", "__at"


def distinct_slugs(texts: Iterable[str]) -> dict[str, str]:
    """The slugs that are not their text's own, because another text before has that one; by normalised text.

    Spellings that differ in case or blanks are one text.

    >>> distinct_slugs(["A+", "a+", "A-", "B", "a"])
    {'a-': 'a_2', 'a': 'a_3'}
    """
    holders: dict[str, str] = {}
    numbered: dict[str, str] = {}
    for text in texts:
        key, own = normalise(text), slug(text)
        if not own or key in numbered or holders.setdefault(own, key) == key:
            continue
        number = 2
        while f"{own}_{number}" in holders:
            number += 1
        numbered[key] = f"{own}_{number}"
        holders[numbered[key]] = key
    return numbered


def slugs_of_names(names: Sequence[str]) -> dict[str, str]:
    """The slugs of the names of columns, each its own, by name.

    >>> slugs_of_names(["Durée", "duree", "Total"])
    {'Durée': 'duree', 'duree': 'duree_2', 'Total': 'total'}
    """
    found: dict[str, str] = {}
    for name in names:
        own, number = slug(name), 1
        while (word := own if number == 1 else f"{own}_{number}") in found.values():
            number += 1
        found[name] = word
    return found


def numbered_slugs(source: Source, name: str, moment: ir.Value, first: str | None = None) -> dict[str, str]:
    """The slugs of a column that are not their text's own, by text as the source has it.

    The text that came first in time keeps the slug, so that later events change none; before all that is `first`.
    """
    table = source.table.mutate(**{_TEXT: as_text(source.column(name)), _AT: moment})
    texts = table.select(_TEXT).distinct()
    words = texts.mutate(**{_SLUG: slugs(texts[_TEXT]), _KEY: texts[_TEXT].strip().lower()})
    counted = words.filter(words[_SLUG].notnull()).group_by(_SLUG).aggregate(keys=lambda own: own[_KEY].nunique())
    shared = frame(counted.filter(counted["keys"] > 1).select(_SLUG))[_SLUG].to_list()
    if not shared:
        return {}
    table = table.filter(slugs(table[_TEXT]).isin(shared))
    met = frame(table.group_by(_TEXT).aggregate(**{_AT: table[_AT].min()})).sort(_AT, _TEXT, nulls_last=True)
    found = sorted(met[_TEXT].to_list(), key=lambda text: normalise(text) != normalise(first or ""))
    numbered = distinct_slugs(found)
    return {text: numbered[normalise(text)] for text in found if normalise(text) in numbered}


def apart(texts: ir.Column, numbered: Mapping[str, str]) -> ir.Value:
    """Texts as slugs, those in `numbered` as it has them."""
    if not numbered:
        return slugs(texts)
    return ibis.cases(*[(texts == text, own) for text, own in sorted(numbered.items())], else_=slugs(texts))


def with_prefix(slugged: ir.Value, prefix: str) -> ir.Value:
    """Slugs after a prefix; null stays null."""
    return ibis.ifelse(slugged.isnull(), None, ibis.literal(prefix) + slugged) if prefix else slugged


def by_normalised(numbered: Mapping[str, str]) -> dict[str, str]:
    """The same by normalised text, as a bundle holds it."""
    return {normalise(text): own for text, own in sorted(numbered.items())}
