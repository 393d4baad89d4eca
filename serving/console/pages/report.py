"""The report that training wrote, in the reader's language."""

from __future__ import annotations

import re

from starlette.requests import Request

from features.spec.languages import Language
from scoring.releases.store import REPORT
from serving.console.web.render import HTML, language_of
from serving.http.problems import NOT_FOUND, UNKNOWN_USE_CASE, Problem
from serving.http.reply import Reply
from serving.worker.request_context import CONTEXT

_HEADING = re.compile(r'<h1>(?P<en>.*?) / <span lang="fr">(?P<fr>.*?)</span></h1>')


async def report(request: Request) -> Reply:
    """GET /v1/use-cases/{name}/report: the page training wrote about the served version.

    Raises:
        Problem: The use case is not served, or its version has no report.
    """
    served, name = CONTEXT.get().snapshot.served, request.path_params["name"]
    if name not in served:
        known = ", ".join(served) or "none yet"
        raise Problem(UNKNOWN_USE_CASE, f"A use case must be one of those served ({known}), got another.")
    try:
        content = (served[name].release.folder / REPORT).read_text(encoding="utf-8")
    except OSError:
        raise Problem(NOT_FOUND, "The served version has no report.") from None
    language = language_of(request)
    headers = [(b"content-language", language.encode()), (b"vary", b"accept-language")]
    return Reply(200, in_language(content, language).encode(), HTML, headers)


def in_language(page: str, language: Language) -> str:
    """A report's part in one language; a page of before there were marks stays as it is.

    >>> in_language("<html lang='en'><!--en-->Data<!--/en--><!--both--> / <!--/both--><!--fr-->Base<!--/fr-->", "fr")
    "<html lang='en'>Base"
    """
    other = "en" if language == "fr" else "fr"
    if "<!--en-->" not in page:
        return page
    page = re.sub(rf"<!--({other}|both)-->.*?<!--/\1-->", "", page, flags=re.DOTALL)
    page = re.sub(r"<!--/?(?:en|fr)-->", "", page)
    if both := _HEADING.search(page):
        page = page.replace(both[0], f"<h1>{both[language]}</h1>", 1)
    if heading := re.search("<h1>(.*?)</h1>", page):
        page = re.sub("<title>.*?</title>", lambda _: f"<title>{heading[1]}</title>", page, count=1)
    page = page.replace('<html lang="en">', f'<html lang="{language}">', 1)
    return page.replace(f'href="#{other}"', f'href="?language={other}"', 1)
