"""The contents of a report: a list at the head of each language's part, which leads to its headings."""

from __future__ import annotations

import re
from collections.abc import Mapping

from features.spec.languages import Language

_PART = re.compile(r'(<section id="(en|fr)" lang="(?:en|fr)">)(.*?)(</section>)', re.DOTALL)
_HEADING = re.compile(r"<h2>(.*?)</h2>", re.DOTALL)


def with_contents(page: str, called: Mapping[Language, str]) -> str:
    """A page with a list of contents, called so, at the head of each part.

    >>> with_contents('<section id="en" lang="en"><h2>Data</h2></section>', {"en": "Contents"})[-48:]
    '<span id="en-1"></span><h2>Data</h2></section>'
    """

    def listed(part: re.Match[str]) -> str:
        begin, language, body, end = part.groups()
        headings = _HEADING.findall(body)
        items = "".join(f'<li><a href="#{language}-{at}">{one}</a></li>' for at, one in enumerate(headings, 1))
        places = iter(range(1, len(headings) + 1))
        marked = _HEADING.sub(lambda one: f'<span id="{language}-{next(places)}"></span>{one[0]}', body)
        name = called["fr" if language == "fr" else "en"]
        return f'{begin}<nav class="contents" aria-label="{name}"><ol>{items}</ol></nav>{marked}{end}'

    return _PART.sub(listed, page)
