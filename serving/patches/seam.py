"""Where a library is patched, and whether it still looks as the patch expects: if not, its stock behaviour stays."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field

from serving.telemetry import logs


@dataclass(frozen=True, slots=True)
class Seam:
    """The parts of a class that a patch replaces or uses."""

    written_against: str  # library and version
    owner: type
    methods: Mapping[str, tuple[str, ...]]  # and properties, with the parameters each must have after `self`
    attributes: frozenset[str] = field(default_factory=frozenset)  # that some method of the class reads or sets

    def fits(self, patch: str) -> bool:
        """Whether everything is there; if not, one line of the log names the patch and what it lacks."""
        lacking = self.lacking()
        if lacking:
            logs.write(
                "patch_skipped", level="warning", patch=patch, written_against=self.written_against, lacking=lacking
            )
        return not lacking

    def lacking(self) -> list[str]:
        """The methods and properties that are gone or take other parameters, and attributes that no method knows."""
        changed = [name for name, expected in self.methods.items() if _parameters(self.owner, name) != expected]
        functions = [member for member in vars(self.owner).values() if inspect.isfunction(member)]
        known = {name for function in functions for name in function.__code__.co_names}
        return sorted([*changed, *(self.attributes - known)])


def _parameters(owner: type, name: str) -> tuple[str, ...] | None:
    member = inspect.getattr_static(owner, name, None)
    method = member.fget if isinstance(member, property) else member
    return tuple(inspect.signature(method).parameters)[1:] if inspect.isfunction(method) else None
