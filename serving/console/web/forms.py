"""What a form posted: only from our own pages, read strictly."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.requests import Request

from serving.http.problems import BAD_REQUEST, FOREIGN_ORIGIN, Problem

_MOST_FIELDS = 200
_END = b"\r\n"


def same_site(request: Request) -> None:
    """Refuses a form that another site's page posted.

    Raises:
        Problem: A 403.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site not in (None, "same-origin", "none")
    if origin is not None:
        foreign = foreign or origin.partition("://")[2] != request.headers.get("host")
    if foreign:
        raise Problem(FOREIGN_ORIGIN, "The form must be posted from the console's own page.")


async def fields(request: Request) -> dict[str, str]:
    """The fields of a posted form, each once.

    Raises:
        Problem: It came from another site, or is none.
    """
    same_site(request)
    try:
        text = (await request.body()).decode()
        pairs = parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Problem(BAD_REQUEST, f"A form is UTF-8 with at most {_MOST_FIELDS} fields.") from None
    return {name: values[-1] for name, values in pairs.items()}


async def uploaded(request: Request) -> bytes:
    """The one file a form carries.

    Such a body is a boundary, headers, an empty line, the file, the boundary again.

    Raises:
        Problem: It came from another site, or is not one file.
    """
    same_site(request)
    first, _, rest = (await request.body()).partition(_END)
    headers, _, content = rest.partition(_END * 2)
    file, ending, after = content.partition(_END + first)
    whole = first.startswith(b"--") and b"filename=" in headers and ending and after.startswith(b"--")
    if not whole:
        raise Problem(BAD_REQUEST, "The form must carry one file.")
    return file


def text_of(file: bytes) -> str:
    """The text of an uploaded file.

    Raises:
        Problem: It is not in UTF-8.
    """
    try:
        return file.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem(BAD_REQUEST, "The form must carry one file, in UTF-8.") from None
