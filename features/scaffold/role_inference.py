"""What the columns of a file seem to be for: whose row it is, when it was, what is to be predicted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from features.scaffold.column_profile import FEW, ColumnProfile

_people = (
    "customer|client|user|member|kunde|contact|account|person|household|donor|visitor|subscriber|subscription|patient|"
    "cust|card|adherent|abonne|policy|company|compte|distinct|anonymous|msno|cliente"
)
_ids = re.compile(
    rf"(^|_)({_people})(_?(id|no|nr|num|number|ref|key|code|pseudo_id|unique_id))?$|^(id|numero|num|no|n|code|ref)_({_people})$|"
    r"^(n|no|num|numero)_(de_)?carte(_|$)|^id$|^id_code$|^cid$|^clientnum$|^visitorid$|^userid$|(^|_)e_?mail$|(^|_)e_?mail_address$|(^|_)adresse_e_?mail$"
)
_id_words = re.compile(r"(^|_)(id|no|nr|num|number|numero|ref|key|code|cid|uuid|e_?mail)(_|$)|id$")
_measured = re.compile(
    r"(^|_)(years?|months?|weeks?|days?|hours?|at|as|per|by|since|avg|average|mean|nb|count|total|age|score|rate|ratio|"
    r"tenure|seniority|basket|panier|ans|annees|mois|jours|anciennete|chez)(_|$)"
)
_stayed = re.compile(
    r"(^|_)(active|actif|inactive|inactif|retained|renewed|stayed|cancell?ed|lost|lapsed|closed|gone|quit|leaving)(_|$)"
)
_amounts = re.compile(
    r"(^|_)(amount|price|total|value|revenue|sales|montant|prix|betrag|spend|paid|donation|ca|payment|turnover)(_|$)"
)
_no_amounts = re.compile(r"(^|_)(unit|unitaire|list|id|type|method|count|discount|days?)(_|$)")
_labels = re.compile(
    r"(^|_)(y|label|target|class|churn|churned|exited|attrition|converted|conversion|response|responded|subscribed|"
    r"bought|purchased|outcome|default|left|clicked|resilie|cible|inactif|desabonne|reponse|converti|parti|souscrit|"
    r"cancelou|evadiu|abandonou|comprou|abandono|gekundigt|gekuendigt|abgewandert)(_|$)"
)
_states = re.compile(r"(^|_)(status|state|statut|etat|segment_churn)$")
_types = re.compile(r"(^|_)(event|event_type|type|action|kind|event_name|activity|evenement|type_evenement|status)$")
_moments = re.compile(
    r"(^|_)(timestamp|event|order|purchase|invoice|transaction|visit|created|date|time|when|achat)(_|$)"
)
_no_moments = re.compile(
    r"(^|_)(expire|expiry|delivered|delivery|approved|birth|naissance|end|updated|due|estimated|init|signup|since)(_|$)"
)
_numbers = re.compile(r"(^|_)(order|invoice|transaction|basket|facture|commande|ticket|uuid|event)(_?(id|no|number))?$")
_buys = ("purchase", "order", "transaction", "achat", "commande", "buy", "bought", "paid", "sale", "deliver", "quote")
BAD = re.compile(
    r"churn|exit|attrit|left$|(^|_)left|default|cancel|resili|lapsed|lost|inacti|unsubscri|desabonn|fraud|parti$|depart"
)
_before = re.compile(r"(^|_)(previous|prior|past|anterior|anteriores|precedents?|vorherige)(_|$)")
_yes = ("yes", "true", "y", "oui", "o", "vrai", "t", "ja", "si")


@dataclass(frozen=True, slots=True)
class RoleGuess:
    """The roles that columns seem to have; None where none seems to have it."""

    columns: tuple[ColumnProfile, ...]
    customer: ColumnProfile | None
    moment: ColumnProfile | None
    amount: ColumnProfile | None
    kind: ColumnProfile | None
    number: ColumnProfile | None  # of the order or event
    label: ColumnProfile | None  # of a ready table; None where the file seems to be a log
    order: ColumnProfile | None = None  # of which several rows are lines
    label_too: ColumnProfile | None = None  # the second best, where the guess is not sure
    moment_too: ColumnProfile | None = None

    @property
    def is_log(self) -> bool:
        """Whether the file seems to hold events."""
        return self.label is None and (
            self.moment is not None or (self.customer is not None and self.customer.has_repeats)
        )


def guess_roles(columns: Sequence[ColumnProfile]) -> RoleGuess:
    """The roles of columns, by their names first and by what they hold where no name is clear."""
    label, moment = _label(columns), _moment(columns)
    customer = _customer(columns, label, moment)
    comes_back = customer is not None and customer.has_repeats
    if label is not None and comes_back and moment is not None and not _named(label):
        label = None
    label_too = None
    if label is None and not comes_back:
        label, label_too = _two_best_labels(columns)
    free = [each for each in columns if each not in (label, customer, moment)]
    amounts = [each for each in free if each.kind == "number" and _amounts.search(each.words)]
    return RoleGuess(
        columns=tuple(columns),
        customer=customer,
        moment=moment,
        amount=next((each for each in amounts if not _no_amounts.search(each.words)), None),
        kind=next((each for each in free if _types.search(each.words) and 1 < each.distinct <= 50), None),
        number=next(
            (each for each in free if _numbers.search(each.words) and each.mostly_filled and each.distinct > FEW), None
        ),
        label=label,
        order=_order(free, customer, moment),
        label_too=label_too,
        moment_too=_other_moment(columns, moment),
    )


def positive_of(label: ColumnProfile) -> str:
    """The level to predict: yes, the larger number, the bad end, else the rarest."""
    levels = label.levels
    answers = [level for level in levels if level.lower() in _yes]
    if answers:
        return answers[0]
    if set(levels) in ({"0", "1"}, {"0.0", "1.0"}, {"-1", "1"}):
        return max(levels, key=float)
    bad = [level for level in levels if BAD.search(_plain(level))]
    return bad[0] if len(bad) == 1 else levels[-1]


def event_of(kind: ColumnProfile) -> str:
    """The event type that seems worth predicting: a purchase, else the most frequent one."""
    counts = kind.cells.alias("level").value_counts(name="n").sort("n", "level", descending=[True, False])
    levels = [str(level) for level in counts["level"]]
    return next((level for word in _buys for level in levels if word in _plain(level)), levels[0])


def columns_after_outcome(guessed: RoleGuess) -> list[str]:
    """Columns that are called like the label, and not like something earlier: they may be known only after it."""
    label = guessed.label
    if label is None:
        return []
    stem = next((found for text in (label.words, *label.levels) if (found := BAD.search(_plain(text)))), None)
    taken = (label, guessed.customer, guessed.moment)
    others = [each for each in guessed.columns if each not in taken and not _before.search(each.words)]
    named = [each for each in others if len(label.words) > 3 and label.words in each.words]
    return [each.name for each in others if each in named or (stem is not None and stem[0] in each.words)]


def _named(label: ColumnProfile) -> bool:
    return _labels.search(label.words) is not None


def _plain(level: str) -> str:
    return "_".join(level.lower().split())


def _label(columns: Sequence[ColumnProfile]) -> ColumnProfile | None:
    """A column of two values with a label's name; of a state with a bad end; of two values, where there is but one."""
    named = [each for each in columns if len(each.levels) == 2 and _named(each)]
    exact = [each for each in named if _labels.fullmatch(each.words)]
    whole = [each for each in exact or named if each.mostly_filled]
    states = [each for each in columns if each.mostly_filled and _is_state(each)]
    found = whole or states or named
    return found[-1] if found else None


def _two_best_labels(columns: Sequence[ColumnProfile]) -> tuple[ColumnProfile | None, ColumnProfile | None]:
    """Columns of two values that could be what is asked: those called like an outcome first, then the last ones."""
    two = [each for each in reversed(columns) if each.mostly_filled and len(each.levels) == 2]
    ranked = [*sorted(two, key=lambda each: _stayed.search(each.words) is None), None, None]
    return ranked[0], ranked[1]


def _order(
    free: Sequence[ColumnProfile], customer: ColumnProfile | None, moment: ColumnProfile | None
) -> ColumnProfile | None:
    """The column of orders of which several rows are lines: its values come back with one customer and moment each."""
    if customer is None or moment is None:
        return None
    who_when = [customer.cells, moment.cells]
    found = [
        each
        for each in free
        if len({each.rows, len(each.cells), *map(len, who_when)}) == 1
        and each.has_repeats
        and each.distinct > FEW
        and _together([each.cells, *who_when]) == each.distinct
    ]
    return next((each for each in found if _numbers.search(each.words)), found[0] if found else None)


def _together(cells: Sequence[pl.Series]) -> int:
    """How many different rows the cells of columns make."""
    return pl.DataFrame([one.alias(str(at)) for at, one in enumerate(cells)]).n_unique()


def _other_moment(columns: Sequence[ColumnProfile], moment: ColumnProfile | None) -> ColumnProfile | None:
    """Another column that is called like a moment of an event too, where one was chosen."""
    others = [each for each in columns if each.kind == "moment" and each.mostly_filled and each is not moment]
    fitting = [each for each in others if _moments.search(each.words) and not _no_moments.search(each.words)]
    return fitting[0] if moment is not None and fitting else None


def _is_state(each: ColumnProfile) -> bool:
    """Whether a column of few values has a bad end among them."""
    asked = _named(each) or _states.search(each.words) or len(each.levels) == 2
    return bool(asked) and sum(BAD.search(_plain(level)) is not None for level in each.levels) == 1


def _moment(columns: Sequence[ColumnProfile]) -> ColumnProfile | None:
    """The column that says when, in ISO form rather than another, called like a moment of an event."""
    dates = [each for each in columns if each.kind == "moment" and each.mostly_filled]
    rank = {
        each.name: (
            _no_moments.search(each.words) is None,
            _moments.search(each.words) is not None,
            each.written is None,
            each.distinct > FEW,
            -at,
        )
        for at, each in enumerate(dates)
    }
    return max(dates, key=lambda each: rank[each.name], default=None)


def _customer(
    columns: Sequence[ColumnProfile], label: ColumnProfile | None, moment: ColumnProfile | None
) -> ColumnProfile | None:
    """The column that says whose row it is: by its name; else, of a table, one with another value in every row."""
    free = [each for each in columns if each not in (label, moment) and 2 * len(each.cells) > each.rows]
    named = [each for each in free if _ids.search(each.words) and each.distinct > FEW and not _is_measure(each, label)]
    if named:
        return named[0] if label is not None or moment is None else next((e for e in named if e.has_repeats), named[0])
    if label is None:
        return None
    whole = [e for e in free if e.kind == "text" and e.distinct == len(e.cells) == e.rows > FEW]
    return whole[0] if whole else None


def _is_measure(each: ColumnProfile, label: ColumnProfile | None) -> bool:
    """Whether a column that names people measures them: years at a company, a basket per visitor.

    A number that comes back in a table of one row per customer is one, unless it is called an id.
    """
    if _id_words.search(each.words):
        return False
    return _measured.search(each.words) is not None or (
        label is not None and each.kind == "number" and each.has_repeats
    )
