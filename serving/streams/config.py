"""STREAM.toml: where events come from, where changes and dead letters go, and where the state stands.

Secrets are named by a variable of the environment (`..._env`) and never stand in the file; a password within a url is
refused unless the broker is on this machine.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from features.spec.feature import Json

SourceKind = Literal["kafka", "rabbitmq"]
MessageFormat = Literal["json", "avro"]
TargetKind = Literal["topic", "queue", "webhook"]
_SECRETS = ("username_env", "password_env")
_REACH = ("servers", "url", "url_env", "security", "mechanism", "ca", *_SECRETS)
_KEYS: Mapping[str, tuple[str, ...]] = {
    "source": (
        *("kind", "topic", "queue", "group", "format", "id", "use_cases", "most", "wait_ms", "start"),
        *("schema", "registry", "registry_env", *_REACH),
    ),
    "out": ("topic", "queue", "webhook", "key_env", "scores"),
    "dead": ("topic", "queue", "body"),
    "state": ("path", "postgres", "postgres_env", "keep_days"),
}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
MOST, WAIT_MS, KEEP_DAYS = 500, 100, 30


class StreamFileError(ValueError):
    """The file breaks rules; nothing is read by it."""

    def __init__(self, broken: list[str]) -> None:
        super().__init__("; ".join(broken))
        self.broken = broken


class Target(Struct, frozen=True):
    """Where messages go."""

    kind: TargetKind
    name: str  # of a topic or a queue; a webhook's address
    key_env: str | None = None  # the variable that has the webhook's secret


class Reach(Struct, frozen=True, kw_only=True):
    """How the broker is reached; `[out]` and `[dead]` stand on the one of `[source]`."""

    servers: str | None = None  # Kafka: host:port, with commas between several
    url: str | None = None  # RabbitMQ: amqp:// or amqps://
    url_env: str | None = None
    security: Literal["plaintext", "tls", "sasl_plaintext", "sasl_tls"] = "plaintext"
    mechanism: str | None = None  # of SASL, e.g. SCRAM-SHA-512
    ca: str | None = None  # a file of authorities
    username_env: str | None = None
    password_env: str | None = None


class StreamSource(Struct, frozen=True, kw_only=True):
    """Where events come from."""

    kind: SourceKind
    name: str  # of the topic or the queue
    reach: Reach
    group: str = "penchant"
    format: MessageFormat = "json"
    id: str | None = None  # the key of a message that names it for good; None: by where it stands
    use_cases: tuple[str, ...] = ()  # those of run.toml that are scored; none: every one that learned from a log
    most: int = MOST  # messages a batch
    wait_ms: int = WAIT_MS  # that a batch may wait for more of them
    start: Literal["earliest", "latest"] = "earliest"  # of a group that has done nothing yet
    schema: str | None = None  # Avro: a file
    registry: str | None = None  # Avro: a registry's address
    registry_env: str | None = None  # the variable that has user:password of it


class StateStore(Struct, frozen=True, kw_only=True):
    """Where the state stands."""

    path: str | None = None  # a file of SQLite; None with no postgres: HOME/streams/NAME.db
    postgres: str | None = None
    postgres_env: str | None = None
    keep_days: int = KEEP_DAYS  # of the inbox: a message that comes again later is taken for a new one


class StreamFile(Struct, frozen=True, kw_only=True):
    """The whole file."""

    name: str  # that of the file, or of the state's
    source: StreamSource
    out: Target | None = None  # None: nothing is published
    scores: bool = False  # whether changes of score are published too
    dead: Target | None = None  # None: dead letters stand in the state alone
    dead_bodies: bool = False  # whether they hold the message as it came
    state: StateStore = StateStore()


def secret(name: str | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """What a variable of the environment holds; None where none is named.

    Raises:
        StreamFileError: It is not set.
    """
    if name is None:
        return None
    if not (found := environment.get(name)):
        raise StreamFileError([f"the variable {name} must be set, got none"])
    return found


def load_stream(file: Path) -> StreamFile:
    """The file of a stream.

    Raises:
        StreamFileError: Every broken key at once; or it is not TOML, or cannot be read.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StreamFileError([f"must be a file of TOML, got {type(error).__name__}"]) from None
    return read_stream(document, file.stem, file.resolve().parent)


def read_stream(document: Mapping[str, Json], name: str, folder: Path) -> StreamFile:
    """The sections of a file; paths within it are from its folder.

    Raises:
        StreamFileError: Every broken key at once.
    """
    broken = [f"{key}: must be one of {', '.join(_KEYS)}" for key in document if key not in _KEYS]
    sections = {key: _Section(key, document.get(key), broken) for key in _KEYS}
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        broken.append("the file's name must be of letters, digits, - and _")
    found = StreamFile(
        name=name,
        source=_source(sections["source"], folder),
        out=_target(sections["out"], ("topic", "queue", "webhook")),
        scores=sections["out"].switch("scores"),
        dead=_target(sections["dead"], ("topic", "queue")),
        dead_bodies=sections["dead"].switch("body"),
        state=_state(sections["state"], folder),
    )
    if broken:
        raise StreamFileError(broken)
    return found


class _Section:
    """A section of the file while it is read; what it breaks is added to the list."""

    def __init__(self, name: str, value: Json, broken: list[str]) -> None:
        self.name, self._broken = name, broken
        self.there = value is not None
        if self.there and not isinstance(value, dict):
            broken.append(f"{name}: must be a section")
        self._values: Mapping[str, Json] = value if isinstance(value, dict) else {}
        broken += [f"{name}.{key}: is not known" for key in self._values if key not in _KEYS[name]]

    def breaks(self, key: str, rule: str) -> None:
        """Notes a broken rule."""
        self._broken.append(f"{self.name}.{key}: {rule}" if key else f"{self.name}: {rule}")

    def text(self, key: str, fits: Callable[[str], bool] = bool, rule: str = "must be text") -> str | None:
        """A text; None where there is none, or it breaks its rule."""
        value = self._values.get(key)
        if value is None or (isinstance(value, str) and fits(value)):
            return value if isinstance(value, str) else None
        self.breaks(key, rule)
        return None

    def variable(self, key: str) -> str | None:
        """The name of a variable of the environment."""
        return self.text(key, lambda text: bool(_VARIABLE.fullmatch(text)), "must name a variable of the environment")

    def choice(self, key: str, known: tuple[str, ...], default: str) -> str:
        """One of several words."""
        return self.text(key, known.__contains__, f"must be one of {', '.join(known)}") or default

    def whole(self, key: str, low: int, high: int, default: int) -> int:
        """A whole number within bounds."""
        value = self._values.get(key, default)
        if type(value) is int and low <= value <= high:
            return value
        self.breaks(key, f"must be a whole number from {low} to {high}")
        return default

    def switch(self, key: str) -> bool:
        """True or false; false where it is not there."""
        value = self._values.get(key, False)
        if type(value) is not bool:
            self.breaks(key, "must be true or false")
        return value is True

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._values.get(key, [])
        if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
            return tuple(str(one) for one in value)
        self.breaks(key, "must be a list of texts")
        return ()

    def one_of(self, keys: tuple[str, ...]) -> str | None:
        """The one key that is there of several of which exactly one must be."""
        there = [key for key in keys if key in self._values]
        if len(there) != 1:
            self.breaks("", f"exactly one of {', '.join(keys)} must be given")
        return there[0] if len(there) == 1 else None


def _source(section: _Section, folder: Path) -> StreamSource:
    kind = section.choice("kind", ("kafka", "rabbitmq"), "")
    if not kind:
        section.breaks("kind", "must be one of kafka, rabbitmq")
    named = "topic" if kind == "kafka" else "queue"
    name = section.text(named) or ""
    if kind and not name:
        section.breaks(named, f"must be given for {kind}")
    if kind and section.text(other := "queue" if kind == "kafka" else "topic"):
        section.breaks(other, f"is not of {kind}")
    form = section.choice("format", ("json", "avro"), "json")
    schema, registry = section.text("schema"), section.text("registry", _is_web, "must begin with http:// or https://")
    if form == "avro" and (schema is None) == (registry is None):
        section.breaks("", "exactly one of schema and registry must be given for avro")
    return StreamSource(
        kind="rabbitmq" if kind == "rabbitmq" else "kafka",
        name=name,
        reach=_reach(section, kind, folder),
        group=section.text("group") or "penchant",
        format="avro" if form == "avro" else "json",
        id=section.text("id"),
        use_cases=section.texts("use_cases"),
        most=section.whole("most", 1, 100_000, MOST),
        wait_ms=section.whole("wait_ms", 1, 60_000, WAIT_MS),
        start="latest" if section.choice("start", ("earliest", "latest"), "earliest") == "latest" else "earliest",
        schema=str(folder / schema) if schema else None,
        registry=registry,
        registry_env=section.variable("registry_env"),
    )


def _reach(section: _Section, kind: str, folder: Path) -> Reach:
    if kind == "kafka" and section.text("servers") is None:
        section.breaks("servers", "must be given for kafka, as host:port")
    if kind == "rabbitmq":
        section.one_of(("url", "url_env"))
    ca = section.text("ca")
    rule = "must begin with amqp:// or amqps://, with no password: password_env names the variable that has it"
    security = section.choice("security", ("plaintext", "tls", "sasl_plaintext", "sasl_tls"), "plaintext")
    return Reach(
        servers=section.text("servers"),
        url=section.text("url", _is_amqp, rule),
        url_env=section.variable("url_env"),
        security=security,  # type: ignore[arg-type]
        mechanism=section.text("mechanism"),
        ca=str(folder / ca) if ca else None,
        username_env=section.variable("username_env"),
        password_env=section.variable("password_env"),
    )


def _target(section: _Section, kinds: tuple[TargetKind, ...]) -> Target | None:
    if not section.there:
        return None
    kind = section.one_of(kinds)
    found = {one: section.text(one) for one in ("topic", "queue")}
    if "webhook" in kinds:
        found["webhook"] = section.text("webhook", _is_web, "must begin with http:// or https://, with no password")
    key = section.variable("key_env") if "webhook" in kinds else None
    if kind == "webhook" and key is None:
        section.breaks("key_env", "must name the variable that has the webhook's secret")
    named = next((one for one in kinds if one == kind), kinds[0])
    return Target(named, found[named] or "", key)


def _state(section: _Section, folder: Path) -> StateStore:
    path = section.text("path")
    rule = "must begin with postgres:// or postgresql://, with no password: postgres_env names what has it"
    found = StateStore(
        path=str(folder / path) if path else None,
        postgres=section.text("postgres", _is_postgres, rule),
        postgres_env=section.variable("postgres_env"),
        keep_days=section.whole("keep_days", 1, 3650, KEEP_DAYS),
    )
    if sum(one is not None for one in (found.path, found.postgres, found.postgres_env)) > 1:
        section.breaks("", "at most one of path, postgres, postgres_env may be given")
    return found


def _is_web(text: str) -> bool:
    return bool(re.match(r"https?://[^\s/]", text)) and urlsplit(text).password is None


def _is_amqp(text: str) -> bool:
    return bool(re.match(r"amqps?://[^\s]", text)) and _is_open(text)


def _is_postgres(text: str) -> bool:
    return bool(re.match(r"postgres(ql)?://", text)) and _is_open(text)


def _is_open(text: str) -> bool:
    """Whether an address holds no secret: that of an account on this machine is none."""
    parts = urlsplit(text)
    return parts.password is None or parts.hostname in _LOOPBACK
