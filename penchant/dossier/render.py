"""The dossier as Markdown and as one HTML file that needs nothing else and runs no script."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from features.spec.languages import Language

BEGIN, END = "\u27e6", "\u27e7"  # around what is to be filled in
_STYLE = """
:root { --ink: #1c2430; --soft: #556070; --line: #d9dee6; --paper: #fff; --mark: #fff2b3; --on-mark: #4a3b00; }
@media (prefers-color-scheme: dark) {
:root { --ink: #e8ecf2; --soft: #a9b4c2; --line: #38424f; --paper: #141a22; --mark: #574a12; --on-mark: #fff2b3; } }
body { margin: 0 auto; max-width: 56rem; padding: 1.5rem 1rem 3rem; font: 16px/1.55 system-ui, sans-serif;
color: var(--ink); background: var(--paper); }
h1 { font-size: 1.75rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); } h3 { margin-top: 1.5rem; }
.scroll { overflow-x: auto; } table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); } tbody th { font-weight: 500; } mark { background: var(--mark); color: var(--on-mark); }
@media print { h2 { break-before: page; } h2:first-of-type { break-before: auto; } }
"""


@dataclass(frozen=True, slots=True)
class DossierBlock:
    """A heading, a paragraph, a list of items or a table, whose first row is its head."""

    kind: Literal["h1", "h2", "h3", "p", "list", "table"]
    text: str = ""
    items: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def as_markdown(blocks: Sequence[DossierBlock]) -> str:
    """The document as Markdown."""
    parts = [_markdown(block) for block in blocks]
    return re.sub(f"{BEGIN}(.*?){END}", r"**[\1]**", "\n\n".join(parts)) + "\n"


def _markdown(block: DossierBlock) -> str:
    match block.kind:
        case "h1" | "h2" | "h3":
            return f"{'#' * int(block.kind[1])} {block.text}"
        case "list":
            return "\n".join(f"- {item}" for item in block.items)
        case "table":
            head, *rows = [[cell.replace("|", "\\|") for cell in row] for row in block.rows]
            lines = [head, ["---"] * len(head), *rows]
            return "\n".join(f"| {' | '.join(line)} |" for line in lines)
        case _:
            return block.text


def as_html(blocks: Sequence[DossierBlock], language: Language, title: str) -> str:
    """The document as HTML."""
    body = "\n".join(map(_html, blocks))
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _html(block: DossierBlock) -> str:
    match block.kind:
        case "list":
            return f"<ul>{''.join(f'<li>{_text(item)}</li>' for item in block.items)}</ul>"
        case "table":
            head, *rows = block.rows
            cells = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in head)
            lines = "\n".join(
                f'<tr><th scope="row">{_text(row[0])}</th>{"".join(f"<td>{_text(cell)}</td>" for cell in row[1:])}</tr>'
                for row in rows
            )
            table = f"<table><thead><tr>{cells}</tr></thead><tbody>\n{lines}\n</tbody></table>"
            return f'<div class="scroll" tabindex="0">{table}</div>'
        case _:
            return f"<{block.kind}>{_text(block.text)}</{block.kind}>"


def _text(text: str) -> str:
    marked = re.sub(f"{BEGIN}(.*?){END}", r"<mark>[\1]</mark>", html.escape(text))
    return re.sub("`([^`]+)`", r"<code>\1</code>", marked)
