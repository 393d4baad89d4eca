"""The page of a discovery: what was found, in figures and pictures, French and English."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from features.spec.atomic import write_file
from training.segmentation.discovery_record import DiscoveryRecord


def discovery_page(name: str, record: DiscoveryRecord) -> bytes:
    """The page."""
    rows = [(one.label["en"], one.label["fr"], f"{one.size:,}") for one in record.clusters]
    table = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(name)}</title>'
        f"<h1>{escape(name)}: {record.verdict}</h1><table>{table}</table></html>"
    ).encode()


def write_page(home: Path, name: str, page: bytes) -> Path:
    """Writes the page to HOME/discoveries, its owner's alone, and returns its path."""
    file = home / "discoveries" / f"{name}.html"
    write_file(file, page, mode=0o600)
    return file


def _cells(row: Sequence[str]) -> str:
    return "".join(f"<td>{escape(cell)}</td>" for cell in row)
