"""The page of the HTTP API, from the description that the server gives of itself (OpenAPI)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

from features.spec.feature import Json
from handbook.reference.page import anchor, code, heading, table
from handbook.reference.texts import Language, Phrase, phrase, translations
from serving.api.openapi import document

_ABOUT = Phrase(
    "Made from the description that a server gives of itself at `/openapi.json`; `/docs` shows it with the features of "
    "what is served. Errors are problem documents (RFC 9457). [The guide](../guide/score-over-http.md).",
    "Tirée de la description qu'un serveur donne de lui-même à `/openapi.json` ; `/docs` la montre avec les variables "
    "de ce qui est servi. Les erreurs sont des documents `problem+json` (RFC 9457). "
    "[Le guide](../guide/score-over-http.md).",
)
_SENT, _ANSWER = phrase("request body / corps de la requête"), phrase("answer / réponse")
_ERRORS, _SCHEMAS = phrase("errors / erreurs"), phrase("What is sent and answered / Ce qui est envoyé et répondu")
_KEY, _TYPE = phrase("key / clé"), phrase("type / type")
_MUST, _ABSENT = phrase("required / obligatoire"), phrase("any / quelconque")
_PARAMETER = phrase("parameter / paramètre")
_COLON = {"en": ":", "fr": "\u00a0:"}
Schema = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Route:
    """One route: its method and path, and what the server says of it."""

    method: str
    path: str
    described: Schema

    @property
    def summary(self) -> str:
        """What it does, in English."""
        return str(self.described["summary"])


@cache
def _document() -> Schema:
    return cast(Schema, document({}))


def _at(schema: Schema, *path: str) -> Schema:
    """A part of a schema; empty where it is not there."""
    for name in path:
        found = schema.get(name)
        schema = found if isinstance(found, dict) else {}
    return schema


def routes() -> Iterator[Route]:
    """Every route that a server answers."""
    for path, methods in _at(_document(), "paths").items():
        for method, described in cast(dict[str, dict[str, Json]], methods).items():
            yield Route(method.upper(), path, described)


def webhooks() -> Iterator[Route]:
    """Every message that is sent without being asked for."""
    for name, methods in _at(_document(), "webhooks").items():
        yield Route("WEBHOOK", name, _at(cast(Schema, methods), "post"))


def summary(route: Route, language: Language) -> str:
    """What a route does."""
    return route.summary if language == "en" else translations("routes_fr").get(route.summary, route.summary)


def api_page(language: Language) -> str:
    """The page."""
    lines = [f"# {phrase('The HTTP API / L’API HTTP').text(language)}", "", _ABOUT.text(language), ""]
    for route in routes():
        lines += _route(route, language)
    for message in webhooks():
        lines += _route(message, language)
    lines += [heading(_SCHEMAS.text(language), 2, code=False), ""]
    for name, schema in _at(_document(), "components", "schemas").items():
        lines += _schema(name, cast(Schema, schema), language)
    return "\n".join(lines)


def _route(route: Route, language: Language) -> list[str]:
    lines = [heading(f"{route.method} {route.path}", 2), "", f"{summary(route, language)}.", ""]
    sent = _at(route.described, "requestBody", "content", "application/json", "schema")
    answers = _at(route.described, "responses", "200", "content")
    colon = _COLON[language]
    if sent:
        lines.append(f"- {_SENT.text(language)}{colon} {_type(sent, language)}")
    for kind, answer in answers.items():
        shown = _type(_at(cast(Schema, answer), "schema"), language)
        lines.append(f"- {_ANSWER.text(language)}{colon} {code(kind)}, {shown}")
    failures = [status for status in _at(route.described, "responses") if status != "200"]
    lines += [f"- {_ERRORS.text(language)}{colon} {', '.join(failures)}", ""]
    parameters = cast(list[Schema], route.described.get("parameters", []))
    if parameters:
        head = [_PARAMETER.text(language), _TYPE.text(language)]
        lines += table(head, [[code(str(one["name"])), _type(_at(one, "schema"), language)] for one in parameters])
    return lines


def _schema(name: str, schema: Schema, language: Language) -> list[str]:
    lines = [heading(name), ""]
    if described := schema.get("description"):
        lines += [str(described), ""]
    properties = _at(schema, "properties")
    if not properties:
        return [*lines, _type(schema, language), ""]
    required = cast(list[str], schema.get("required", []))
    head = [_KEY.text(language), _TYPE.text(language)]
    rows = [[code(key), _kept(key, cast(Schema, one), required, language)] for key, one in properties.items()]
    return [*lines, *table(head, rows)]


def _kept(key: str, schema: Schema, required: list[str], language: Language) -> str:
    return _type(schema, language) + (f", {_MUST.text(language)}" if key in required else "")


def _type(schema: Schema, language: Language) -> str:
    """What a schema allows, in a few words; another schema is a link."""
    if isinstance(named := schema.get("$ref"), str):
        name = named.rpartition("/")[2]
        return f"[`{name}`](#{anchor(name)})"
    for several in ("oneOf", "anyOf", "allOf"):
        if isinstance(parts := schema.get(several), list):
            return (" | " if several != "allOf" else " + ").join(_type(cast(Schema, one), language) for one in parts)
    if isinstance(values := schema.get("enum"), list):
        return ", ".join(code(str(value)) for value in values)
    if "const" in schema:
        return code(str(schema["const"]))
    return _plain(schema, language)


def _plain(schema: Schema, language: Language) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"array: {_type(_at(schema, 'items'), language)}"
    if kind == "object" and (within := _at(schema, "additionalProperties")):
        return f"object: {_type(within, language)}"
    shown = " | ".join(map(str, kind)) if isinstance(kind, list) else str(kind or _ABSENT.text(language))
    bounds = {"minimum": "≥", "maximum": "≤", "minItems": "≥", "maxItems": "≤", "maxLength": "≤"}
    limits = [f"{sign} {schema[name]}" for name, sign in bounds.items() if name in schema]
    return ", ".join([shown, *limits])
