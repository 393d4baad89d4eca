"""Columns that name a person rather than tell something of one: never a feature, never a reason."""

from __future__ import annotations

import re

import polars as pl

from features.columns.expressions import slug

_people = (
    r"e?mails?|e_mail|courriel|phone|phones|telephone|tel|gsm|portable|mobile_number|fax|iban|bic|ssn|nir|siret|passport|"
    r"address|adresse|street|rue|uuid|guid|login|username|password|ip_address|surname|"
    r"(first|last|full|family|given|maiden|middle|nick|customer|client|contact|user|account|holder|person)_?name|"
    r"(nom|prenom)s?(_(client|famille|complet|usuel|naissance|jeune_fille))?"
)
_anywhere = re.compile(
    r"(^|_)(e?mails?|e_mail|phone|telephone|tel|mobile_number|fax|iban|bic|ssn|nir|siret|passport|address|adresse|street|"
    r"uuid|guid|login|username|password|ip_address|first_?name|last_?name|full_?name|surname|nom|prenom)(_|$)"
)
_whole = re.compile(rf"((^|_)({_people})|^names?)(_(number|numero|no|nr|num|address|adresse|[0-9]))?$")
_identifier = re.compile(r"(^|_)(id|key|ref|number|no|code)$")
_most_identities = 50
_one_each = 0.5  # share of different numbers from which those of a personal name are no count


def personal_trait(name: str, cells: pl.Series) -> str | None:
    """Why a column of profiles names a person rather than a trait; None when it does not."""
    words = slug(name)
    if _anywhere.search(words):
        return "it is personal by its name"
    if _identifier.search(words) and cells.drop_nulls().n_unique() > _most_identities:
        return "it is an identifier by its name and the number of its values"
    return None


def personal_column(name: str, cells: pl.Series) -> str | None:
    """The same of a ready table, whose columns may as well be counts or answers: `emails` is one, `email` is none."""
    words = slug(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name))
    known = cells.drop_nulls()
    counts = cells.dtype.is_numeric() and known.n_unique() <= _one_each * len(known)
    if not _whole.search(words) or counts or cells.dtype == pl.Boolean:
        return None
    return "it is personal by its name"
