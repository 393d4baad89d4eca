"""How a file of members is written, preset by preset: for spreadsheets, for tools that import, for lists of customers.

Lists of customers for advertising hold hashes alone: an address trimmed and lower-cased, a number in E.164 (with its
plus sign where the vendor asks so), then SHA-256 in hexadecimal.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from activation.deliveries.audience_rows import FieldValue, MemberRow
from activation.deliveries.destination_file import ADS, Preset
from scoring.storage.spreadsheet import neutral


@dataclass(frozen=True, slots=True)
class FileForm:
    """A preset: what its columns are called, and how cells are written."""

    customer: str = "customer_id"
    address: str = "email"
    phone: str = "phone"
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    plus: bool = True  # whether a hashed number has its plus sign


FORMS: Mapping[Preset, FileForm] = {
    "csv": FileForm(),
    "excel-fr": FileForm(delimiter=";", encoding="utf-8-sig", decimal=","),
    "salesforce": FileForm("External_ID__c", "Email", "Phone"),
    "marketo": FileForm("externalId", "Email Address", "Phone Number"),
    "activecampaign": FileForm("Customer ID", "Email", "Phone"),
    "meta": FileForm(address="email", phone="phone", plus=False),
    "linkedin": FileForm(address="email"),
    "tiktok": FileForm(address="email_sha256", phone="phone_sha256"),
    "google": FileForm(address="Email", phone="Phone"),
}


def write_members(
    file: TextIO,
    rows: Iterable[MemberRow],
    preset: Preset,
    fields: Sequence[str],
    *,
    address: str,
    phones: bool,
    country: str | None,
) -> None:
    """Writes all rows as CSV.

    Args:
        file: Opened for text without translation of line ends.
        rows: Members.
        preset: Whose columns and cells.
        fields: What the fields are called; lists for advertising have none.
        address: The channel of addresses: one that is not of e-mail makes them numbers.
        phones: Whether numbers stand beside them.
        country: Of numbers that name none.
    """
    form, is_for_ads = FORMS[preset], preset in ADS
    by_phone = address != "email"
    columns = [form.phone if by_phone else form.address, *([form.phone] if phones else [])]
    writer = csv.writer(file, delimiter=form.delimiter, lineterminator="\r\n")
    named = fields if not is_for_ads else ()
    writer.writerow([neutral(name) for name in (*(() if is_for_ads else (form.customer,)), *columns, *named)])
    for row in rows:
        if is_for_ads:
            reached = [_hashed_phone(row.address, country, form) if by_phone else hashed_email(row.address)]
            writer.writerow([*reached, *([_hashed_phone(row.phone, country, form)] if phones else [])])
        else:
            numbers = [row.phone or ""] if phones else []
            cells = [row.customer_id, row.address, *numbers]
            writer.writerow([*map(neutral, cells), *(_cell(row.values.get(name), form) for name in fields)])


def hashed_email(address: str) -> str:
    """SHA-256 of an address, trimmed and lower-cased.

    >>> hashed_email(" Ana@Example.org ") == hashed_email("ana@example.org")
    True
    """
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()


def e164(number: str, country: str | None) -> str | None:
    """A number with its country, as `+33612345678`; None where it names none and none is stated, or it is no number.

    >>> e164("06 12 34 56 78", "33"), e164("0044 (0)20 7946 0000", None), e164("12", "33")
    ('+33612345678', '+442079460000', None)
    """
    text = re.sub(r"\(0\)|[\s().\-/\u00a0\u202f]", "", number.strip())
    text = f"+{text[2:]}" if text.startswith("00") else text
    if not text.startswith("+"):
        text = f"+{country}{text.removeprefix('0')}" if country else ""
    return text if re.fullmatch(r"\+[1-9]\d{6,14}", text) else None


def _hashed_phone(number: str | None, country: str | None, form: FileForm) -> str:
    found = e164(number, country) if number else None
    if found is None:
        return ""
    return hashlib.sha256(found.removeprefix("" if form.plus else "+").encode()).hexdigest()


def _cell(value: FieldValue | None, form: FileForm) -> str:
    if value is None:
        return ""
    return str(value).replace(".", form.decimal) if isinstance(value, float) else neutral(str(value))
