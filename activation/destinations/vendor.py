"""What the vendors' destinations share: where they stand, names of fields, documents by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from activation.deliveries.audience_rows import FieldValue, MemberRow
from activation.deliveries.transport import DeliveryStoppedError, ServerAnswer
from features.spec.feature import Json

Document = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class VendorAccount:
    """Where a vendor stands, and which list of it is kept."""

    base: str  # without a slash at its end
    key: str
    list: str
    event: str  # what a change of segment is called there


def based(url: str, path: str) -> str:
    """An address of the vendor's, or of what stands in for it, with the path of its version.

    >>> based("http://127.0.0.1:80/", "/v3"), based("http://127.0.0.1/v3", "/v3")
    ('http://127.0.0.1:80/v3', 'http://127.0.0.1/v3')
    """
    plain = url.rstrip("/")
    return plain if plain.endswith(path) else plain + path


def document_of(answer: ServerAnswer) -> Document:
    """The object that an answer holds; a server that answers otherwise is not the vendor.

    Raises:
        DeliveryStoppedError: It is none.
    """
    found = answer.json()
    if not isinstance(found, Mapping):
        raise DeliveryStoppedError("It must answer with an object of JSON, got another document.")
    return found


def objects_in(document: Document, name: str) -> list[Document]:
    """A list of objects in a document; empty where there is none."""
    found = document.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, Sequence) else []


def texts_in(document: Document, name: str) -> list[str]:
    """A list of texts or numbers in a document, as texts."""
    found = document.get(name)
    listed = found if isinstance(found, Sequence) and not isinstance(found, str) else []
    return [str(one) for one in listed if isinstance(one, str | int)]


def text_in(document: Document, name: str) -> str:
    """A text or a number in a document, as text; empty where there is none."""
    found = document.get(name)
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""


def pages(ask: Callable[[int], Document], name: str, size: int) -> Iterator[Document]:
    """Objects page by page, by how many were seen, until a page is not full."""
    seen = 0
    while True:
        found = objects_in(ask(seen), name)
        yield from found
        seen += len(found)
        if len(found) < size:
            return


def called(row: MemberRow, name: Callable[[str], str], most: int) -> dict[str, FieldValue]:
    """A member's fields by the vendor's own names, texts no longer than it takes."""
    return {
        name(field): value[:most] if isinstance(value, str) else value for field, value in sorted(row.values.items())
    }
