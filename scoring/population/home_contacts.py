"""The contacts that a home has named, as they stand now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from scoring.audiences.audience import Contacts, open_contacts
from scoring.audiences.contacts import ContactsFile, named_contacts
from scoring.audiences.snapshot import AudienceError
from scoring.population.customer_pages import ContactsUnreadableError
from scoring.storage.table_files import BatchError


def contacts_of(home: Path, *, of: Collection[str] | None = None) -> tuple[ContactsFile, Contacts] | None:
    """Where the contacts are, and those of some customers or of all; None where the home has named none.

    Raises:
        ContactsUnreadableError: They cannot be read, or break a rule: then nobody may be addressed.
    """
    file = named_contacts(home)
    if file is None:
        return None
    try:
        return file, open_contacts(file, at=datetime.now(UTC), of=of)
    except (AudienceError, BatchError) as error:
        raise ContactsUnreadableError(str(error)) from error
