"""Words that say that a cell is empty: what machines write, and what people do."""

from __future__ import annotations

# Written by databases, spreadsheets and libraries where there is nothing; no name of a category is like them.
MACHINE = frozenset(
    {r"\n", r"\\n", "<na>", "nan", "nat", "-nan", "null", "(null)", "<null>", "#n/a", "#n/a n/a", "#na", "#div/0!",
     "#value!", "#valeur!", "#ref!", "#name?", "#nom?", "#num!", "#nombre!", "#null!", "#nul!"}
)  # fmt: skip
# Nothing beside numbers, dates and answers; among categories each may be one of its own.
WORDS = MACHINE | frozenset(
    {"na", "n/a", "n.a.", "n.a", "n/d", "n.d.", "nd", "n.c.", "nc", "n.r.", "nr", "s.o.", "n/r", "n/c", "none", "nil",
     "null value", "?", "??", "-", "--", "---", "\u2013", "\u2014", ".", "..", "...", "*", "/", "(missing)", "missing",
     "(blank)", "blank", "(vide)", "vide", "(empty)", "empty", "undefined", "unknown", "unk", "not available",
     "not applicable", "not known", "no data", "inconnu", "inconnue", "inconnu(e)", "non renseigné", "non renseignée",
     "non renseigne", "non renseignee", "non communiqué", "non communique", "non disponible", "sans objet",
     "non applicable", "aucun", "aucune", "unbekannt", "k.a.", "keine angabe", "desconocido", "sin dato", "sconosciuto"}
)  # fmt: skip


def is_missing(text: str) -> bool:
    """Whether a text beside numbers, dates or answers says that there is nothing.

    >>> [is_missing(text) for text in ("N/A", " inconnu ", "#DIV/0!", "0")]
    [True, True, True, False]
    """
    return text.strip().casefold() in WORDS


def is_machines_missing(text: str) -> bool:
    r"""Whether a text says so among categories too.

    >>> [is_machines_missing(text) for text in (r"\N", "<NA>", "NaN", "unknown", "NA")]
    [True, True, True, False, False]
    """
    return text.strip().casefold() in MACHINE
