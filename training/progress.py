"""What a training prints while it works: a bar on a terminal, one line a stage otherwise; all on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from tqdm import tqdm

STAGES = ("read", "split", "choose", "season", "fit", "measure", "build", "compare", "report", "register", "promote")


@dataclass
class Progress:
    """The stages of one use case."""

    name: str
    out: TextIO = field(default_factory=lambda: sys.stderr)
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._bar = tqdm(total=len(STAGES), desc=self.name, file=self.out, leave=False) if self.out.isatty() else None

    @contextmanager
    def stage(self, name: str) -> Iterator[list[str]]:
        """Times a stage; what is appended to the list is printed with it."""
        notes: list[str] = []
        started = time.monotonic()
        if self._bar is not None:
            self._bar.set_postfix_str(name)
        yield notes
        self.seconds[name] = time.monotonic() - started
        line = f"{self.name}: {name:9} {self.seconds[name]:5.1f} s  {'; '.join(notes)}".rstrip()
        if self._bar is None:
            print(line, file=self.out, flush=True)
        else:
            self._bar.update()
            self._bar.write(line, file=self.out)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()
