"""Every error a caller can meet, as RFC 9457 problem documents; no value a caller sent is ever repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from features.spec.feature import Json
from scoring.encoding.notes import Note
from serving.http.reply import Headers, Reply, json_reply

MEDIA_TYPE = b"application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A sort of error: its stable code, its HTTP status and its title."""

    code: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        """The `type` of its documents."""
        return f"urn:penchant:problem:{self.code}"


NOT_JSON = ProblemKind("not-json", 400, "The body is not strict JSON")
BAD_ENCODING = ProblemKind("bad-encoding", 400, "The body does not decompress")
BAD_REQUEST = ProblemKind("bad-request", 400, "The request could not be read")
BAD_PARAMETER = ProblemKind("invalid-parameter", 400, "A parameter is not valid")
NO_KEY = ProblemKind("no-key", 401, "An API key is needed")
FOREIGN_ORIGIN = ProblemKind("foreign-origin", 403, "The request was not posted from this site")
FOREIGN_HOST = ProblemKind("foreign-host", 403, "The host name is not this server's")
NOT_ALLOWED = ProblemKind("not-allowed", 403, "The API key does not allow this")
KEYLESS = ProblemKind("keys-needed", 403, "No API keys are set up")
NOT_FOUND = ProblemKind("not-found", 404, "There is nothing here")
UNKNOWN_USE_CASE = ProblemKind("unknown-use-case", 404, "The use case is not served")
UNKNOWN_CUSTOMER = ProblemKind("unknown-customer", 404, "The customer is not in the store")
UNKNOWN_DECISION = ProblemKind("unknown-decision", 404, "The decision is not in the log")
NO_PAGE = ProblemKind("no-such-page", 404, "No page goes on from this cursor")
NO_MOVE = ProblemKind("no-move", 404, "The move cannot be explained")
METHOD = ProblemKind("method-not-allowed", 405, "The method is not allowed here")
TOO_SLOW = ProblemKind("body-too-slow", 408, "The body did not arrive in time")
NO_POPULATION = ProblemKind("no-population", 409, "There is no population of a day yet")
TOO_OLD = ProblemKind("population-too-old", 409, "The population of the day is too old to leave")
SALT_REUSED = ProblemKind("salt-reused", 409, "The salt has been used for another list")
KEY_REUSED = ProblemKind("idempotency-key-reused", 409, "The idempotency key stands for another call")
CALL_UNDER_WAY = ProblemKind("call-under-way", 409, "The first call with this key is still under way")
ANSWER_GONE = ProblemKind("answer-gone", 409, "The call was answered, and its answer is kept no more")
LIST_TOO_LONG = ProblemKind("list-too-long", 409, "The list is too long")
TOO_LARGE = ProblemKind("body-too-large", 413, "The body is too large")
MEDIA = ProblemKind("unsupported-media-type", 415, "The media type is not supported")
INVALID = ProblemKind("invalid-request", 422, "The request is not valid")
INVALID_PROFILE = ProblemKind("invalid-profile", 422, "The profile is not valid")
TOO_MANY = ProblemKind("too-many-requests", 429, "Too many requests")
HEAD_TOO_LARGE = ProblemKind("head-too-large", 431, "The head of the request is too large")
FAILED = ProblemKind("internal-error", 500, "The server failed")
NOT_READY = ProblemKind("not-ready", 503, "The server is not ready")
STORE_DOWN = ProblemKind("store-unavailable", 503, "The store of customers cannot be read")
OVERLOADED = ProblemKind("overloaded", 503, "The server is overloaded")
DEADLINE = ProblemKind("deadline", 504, "The answer took too long")

KINDS = tuple(value for value in list(globals().values()) if isinstance(value, ProblemKind))


class Problem(Exception):  # noqa: N818 the word of RFC 9457
    """An error that ends a request."""

    def __init__(
        self,
        kind: ProblemKind,
        detail: str,
        *,
        errors: Iterable[Note] = (),
        headers: Headers | None = None,
        facts: Mapping[str, Json] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers or []
        self.facts = facts or {}

    def reply(self, request_id: str) -> Reply:
        """The problem document."""
        document = {
            "type": self.kind.uri,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "request_id": request_id,
            **self.facts,
            **({"errors": self.errors} if self.errors else {}),
        }
        reply = json_reply(document, status=self.kind.status, headers=list(self.headers))
        reply.content_type = MEDIA_TYPE
        return reply


def retry_after(seconds: int) -> Headers:
    """The header that says when to try again."""
    return [(b"retry-after", str(seconds).encode())]
