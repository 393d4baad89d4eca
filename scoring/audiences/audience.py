"""Audiences: the members of a segment who may be addressed, and how many may not and why."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.spec.feature import CUSTOMER_ID
from features.spec.ids import EDGES
from scoring.audiences.consent import read_consent, require_columns
from scoring.audiences.contacts import CHANNEL, ContactsFile
from scoring.audiences.pressure.contact_history import ListIdentity
from scoring.audiences.snapshot import AudienceError, SegmentSnapshot
from scoring.batch.segment_columns import SEGMENT_ACTION
from scoring.storage.id_columns import id_column
from scoring.storage.table_files import read_batches

_YES = frozenset({"true", "1", "1.0", "yes", "oui", "y", "o"})
_EXPORTED = ("score", "band")  # what of each use case is exported, beside the texts of the reasons


@dataclass(frozen=True, slots=True)
class Contacts:
    """Who can be reached, and who agreed to it; several rows of a customer agree only together."""

    emails: Mapping[str, str] = field(default_factory=dict)  # by customer id; absent where there is none
    consent: Mapping[str, bool] = field(default_factory=dict)  # by customer id
    withdrawn: frozenset[str] = frozenset()  # who agreed once, and does no more
    channel: str = CHANNEL  # what the addresses are of


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Who must not be addressed, by whichever channel."""

    customers: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()  # trimmed, case folded


@dataclass(frozen=True)
class Audience:
    """Members in the order of the snapshot, the holdout, and counts of who was excluded by the first reason."""

    rows: pa.Table
    holdout_ids: tuple[str, ...]
    left_out: Mapping[str, int]
    identity: ListIdentity | None = None  # of all lists that could be asked for; None: it addresses nobody

    @property
    def customers(self) -> list[str]:
        """Who is in it."""
        return [str(customer) for customer in self.rows.column(CUSTOMER_ID).to_pylist()]


def open_contacts(file: ContactsFile, *, at: datetime, of: Collection[str] | None = None) -> Contacts:
    """The contacts of a file, or those of some customers only, and who of them agreed as of a moment.

    Raises:
        AudienceError: A column is missing, or rows of a table of consent break a rule.
        BatchError: A file cannot be read.
    """
    found = read_contacts(file.path, email=file.email, consent=file.consent, channel=file.channel, of=of)
    if file.table is None:
        return found
    status = read_consent(file.table, channel=file.channel, purpose=file.purpose, at=at)
    agreed = {customer: customer in status.granted for customer in found.consent}
    return Contacts(found.emails, agreed, status.withdrawn, file.channel)


def read_contacts(
    path: Path, *, email: str, consent: str | None, channel: str = CHANNEL, of: Collection[str] | None = None
) -> Contacts:
    """The contacts of a Parquet or CSV file with `customer_id` and the columns named.

    Without a column of consent nobody agreed. An address of the channel `email` has an @, any other is not blank.

    Raises:
        AudienceError: A column is missing.
        BatchError: The file cannot be read.
    """
    emails: dict[str, str] = {}
    agreed: dict[str, bool] = {}
    for batch in read_batches(path):
        names = [name for name in (CUSTOMER_ID, email, consent) if name is not None]
        require_columns(path, batch, *names)
        table = batch.select(names).set_column(0, CUSTOMER_ID, id_column(batch.column(CUSTOMER_ID)))
        if of is not None:
            table = table.filter(pc.is_in(table.column(CUSTOMER_ID), pa.array(sorted(of), pa.string())))
        words = _texts(table, consent) if consent else [None] * len(table)
        customers = table.column(CUSTOMER_ID).to_pylist()
        for customer, address, word in zip(customers, _texts(table, email), words, strict=True):
            if customer is not None:
                agreed[customer] = agreed.get(customer, True) and (word or "").strip().casefold() in _YES
                if address and address.strip() and ("@" in address or channel != CHANNEL):
                    emails[customer] = address.strip()
    return Contacts(emails, agreed, channel=channel)


def read_suppressed(path: Path, *, email: str | None, contacts: Contacts | None) -> Suppressed:
    """Who a Parquet or CSV file with `customer_id`, an email column or both suppresses.

    An address suppresses everyone who has it; a customer suppresses their address. Names of columns are read whatever
    their case and the blanks around them. A list without a header is refused: ids or addresses, it does not say.

    Raises:
        AudienceError: It has neither column, or addresses only while the audience has none to compare.
        BatchError: The file cannot be read.
    """
    customers, emails = set[str](), set[str]()
    for table in read_batches(path):
        columns = {_folded(name.strip(EDGES)): name for name in reversed(table.column_names)}
        asked = [_folded(name) for name in dict.fromkeys((CUSTOMER_ID, email or "email", "email"))]
        known = [(name, columns[name]) for name in asked if name in columns]
        if not known or (contacts is None and CUSTOMER_ID not in columns):
            raise AudienceError(
                f"{path.name} must hold customer_id, or email where --contacts gives addresses, got "
                f"{len(table.column_names)} other columns."
            )
        for name, column in known:
            texts = id_column(table.column(column)).to_pylist() if name == CUSTOMER_ID else _texts(table, column)
            (customers if name == CUSTOMER_ID else emails).update(text for text in texts if text)
    by_address = Suppressed(emails=frozenset(_folded(text) for text in emails))
    return with_customers(by_address, customers, contacts)


def with_customers(suppressed: Suppressed, customers: Collection[str], contacts: Contacts | None) -> Suppressed:
    """The same and some customers more, with their addresses."""
    addresses = contacts.emails if contacts else {}
    theirs = {_folded(addresses[customer]) for customer in customers if customer in addresses}
    return Suppressed(suppressed.customers | set(customers), suppressed.emails | theirs)


def in_holdout(customer: str, *, share: float, salt: str) -> bool:
    """Whether a customer is of the holdout: the same on every machine, independent between salts.

    >>> [in_holdout("c1", share=share, salt="spring") for share in (0.0, 1.0)]
    [False, True]
    """
    drawn = hashlib.sha256(f"{salt}\0{customer}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") < share * 2**64


def _nobody(_customer: str) -> None:
    """Keeps nobody from an audience."""


def select_audience(
    snapshot: SegmentSnapshot,
    code: str,
    *,
    contacts: Contacts | None = None,
    suppressed: Suppressed | None = None,
    kept: Callable[[str], str | None] = _nobody,
    holdout: float = 0.0,
    salt: str = "",
) -> Audience:
    """The members of a segment who may be addressed.

    Args:
        snapshot: Where members are.
        code: Of an exclusive or overlapping segment of any level.
        contacts: With them only those who agreed and can be reached are kept, and their address comes along. Without
            them nobody's consent is known: the rows are ids only, which address nobody.
        suppressed: Who must not be addressed.
        kept: Why a member is kept from it who may be addressed; None for one who is not.
        holdout: The share to hold out of those who could be addressed.
        salt: Which share it is.
    """
    rows = members_of(snapshot, code)
    asked = AskedOfAll(contacts, suppressed or Suppressed(), kept)
    chosen = choose_rows(snapshot.column(CUSTOMER_ID), rows, asked, holdout=holdout, salt=salt)
    exported = _exported(snapshot, code, chosen.rows, contacts)
    return Audience(exported, tuple(chosen.holdout_ids), dict(chosen.left_out))


@dataclass(frozen=True, slots=True)
class AskedOfAll:
    """By what it is decided who may be on a list."""

    contacts: Contacts | None
    suppressed: Suppressed
    kept: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class ChosenRows:
    """The rows of a snapshot that may be addressed, whom the hold-out took, and counts of the others by reason."""

    rows: list[int]
    holdout_ids: list[str]
    left_out: Counter[str]


def choose_rows(
    ids: Sequence[str], rows: Iterable[int], asked: AskedOfAll, *, holdout: float, salt: str, top: int | None = None
) -> ChosenRows:
    """Those of some rows that may be addressed, in their order; with `top` only until so many are drawn."""
    found = ChosenRows([], [], Counter())
    taken: set[str] = set()
    for row in rows:
        if len(found.rows) + len(found.holdout_ids) == top:
            break
        customer = ids[row]
        reason = reason_left_out(customer, asked.contacts, asked.suppressed, taken) or asked.kept(customer)
        if reason is None and in_holdout(customer, share=holdout, salt=salt):
            found.holdout_ids.append(customer)
            reason = "holdout"
        if reason is None:
            found.rows.append(row)
        else:
            found.left_out[reason] += 1
    return found


def members_of(snapshot: SegmentSnapshot, code: str) -> list[int]:
    """The rows of a segment's members, in the order of the snapshot."""
    paths, also = snapshot.column("path"), snapshot.column("also")
    return [row for row in range(len(paths)) if code in paths[row] or code in also[row]]


def reason_left_out(customer: str, contacts: Contacts | None, suppressed: Suppressed, taken: set[str]) -> str | None:
    """Why a member may not be addressed, None for one who may; an address is used once, and added to those taken."""
    email = contacts.emails.get(customer) if contacts else None
    if customer in suppressed.customers or (email and _folded(email) in suppressed.emails):
        return "suppressed"
    if contacts is None:
        return None
    if customer not in contacts.consent:
        return "no_contact"
    if not contacts.consent[customer]:
        return "withdrawn" if customer in contacts.withdrawn else "no_consent"
    if email is None:
        return "no_email"
    if _folded(email) in taken:
        return "same_email"
    taken.add(_folded(email))
    return None


def _exported(snapshot: SegmentSnapshot, code: str, chosen: list[int], contacts: Contacts | None) -> pa.Table:
    """The columns of an audience: id, address, segment, since when, scores, bands, texts of reasons, next steps.

    Without contacts there is the id alone, in a table whose metadata say that it is internal.
    """
    rows = snapshot.rows.take(pa.array(chosen, pa.int64()))
    customers = rows.column(CUSTOMER_ID).to_pylist()
    columns: dict[str, pa.Array | pa.ChunkedArray] = {CUSTOMER_ID: rows.column(CUSTOMER_ID)}
    if contacts is None:
        return pa.table(columns).replace_schema_metadata({"penchant_internal": "true"})
    addresses = pa.array([contacts.emails[customer] for customer in customers], pa.string())
    columns["email" if contacts.channel == CHANNEL else "address"] = addresses
    columns["segment"] = pa.array([code] * len(rows), pa.string())
    columns["since"] = pa.array(_since(rows, code), pa.date32())
    for name in snapshot.facts["models"]:
        exported = [f"{name}_{part}" for part in _EXPORTED]
        exported += [
            column for column in rows.column_names if column.startswith(f"{name}_reason_") and column.endswith("_text")
        ]
        exported += [column for column in (f"{name}_action",) if column in rows.column_names]
        columns |= {column: rows.column(column) for column in exported}
    columns |= {column: rows.column(column) for column in (SEGMENT_ACTION,) if column in rows.column_names}
    return pa.table(columns)


def _since(rows: pa.Table, code: str) -> list[date]:
    parts = [rows.column(name).to_pylist() for name in ("path", "path_since", "also", "also_since")]
    return [
        dict(zip([*path, *also], [*path_since, *also_since], strict=True))[code]
        for path, path_since, also, also_since in zip(*parts, strict=True)
    ]


def _texts(table: pa.Table, name: str) -> list[str | None]:
    return table.column(name).cast(pa.string()).to_pylist()


def _folded(email: str) -> str:
    return email.strip().casefold()
