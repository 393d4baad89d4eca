"""What a deployment may set: the environment, read once, every broken setting reported at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
SWITCH = {"on": True, "off": False}
SettingValue = Path | bool | int | float | tuple[str, ...]


class SettingsError(ValueError):
    """A setting is not what it may be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process serves; each field is one PENCHANT_... variable."""

    home: Path = Path(".penchant")
    max_body_bytes: int = 8 * MIB  # after decompression; 1,000 profiles of 100 features take about 5 MiB
    bodies_bytes: int = 64 * MIB  # of all bodies above 64 KiB that a worker has at once; at least one is admitted
    body_seconds: float = 20.0  # for a head, and then for its body
    deadline_seconds: float = 30.0  # for one answer; its slot is free only when the work has ended
    waiting: int = 64  # short calls that may always wait in a worker; see serving/admission/load_shedding.py
    poll_seconds: float = 1.0  # between two looks at CURRENT
    drain_seconds: float = 2.0  # not ready, but still answering, before a stop
    cors_origins: tuple[str, ...] = ()  # origins whose pages may call the API; none by default
    hosts: tuple[str, ...] = ()  # names of this server besides those of loopback, while there are no keys
    access_log: bool = False  # one line a request
    shortcut: bool = True  # the edge answers the two POST routes itself; off: BentoML's own machinery does
    open: bool = False  # whether callers beyond this machine are admitted without keys
    stale_days: float = 0.0  # after which a row of the online store is too old to score; 0: never
    decisions: bool = False  # whether every score that is given is kept in HOME/decisions.db
    decisions_days: float = 90.0  # for how long
    rate: float = 0.0  # calls a second each key may make; 0 sets no limit

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings of this process.

        Raises:
            SettingsError: Naming every variable that is broken.
        """
        found: dict[str, SettingValue] = {}
        broken: list[str] = []
        for name, default in _defaults().items():
            text = environment.get(f"PENCHANT_{name.upper()}")
            if not text:
                continue
            try:
                found[name] = _read(text, default)
            except ValueError as error:
                broken.append(f"PENCHANT_{name.upper()} {error}")
        if broken:
            raise SettingsError("; ".join(broken))
        return cls(**found)  # type: ignore[arg-type]  # each read as its default's type


def _defaults() -> dict[str, SettingValue]:
    plain = Settings()
    return {name: getattr(plain, name) for name in Settings.__slots__}


def _read(text: str, default: SettingValue) -> SettingValue:
    if isinstance(default, bool):
        if text not in SWITCH:
            raise ValueError("must be on or off.")
        return SWITCH[text]
    if isinstance(default, Path):
        return Path(text)
    if isinstance(default, tuple):
        return tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    return _number(text, whole=isinstance(default, int))


def _number(text: str, *, whole: bool) -> float | int:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        raise ValueError(f"must be a {'whole ' if whole else ''}number.") from None
    if not 0 <= number < float("inf"):
        raise ValueError("must be a number of at least 0.")
    return number
