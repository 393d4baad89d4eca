"""Syncs that are killed at a stated moment: `Killer` asks a process for them, which forks for each.

A sync is ended by SIGKILL from within, so that the moment is the same at every run: before a request leaves, after it
was accepted and before its answer, after the answer and before the ledger moved, within a write of the ledger, after.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

import httpx

from activation.deliveries import deliver
from activation.deliveries.deliver import Delivery
from activation.deliveries.destination import BatchedDestination
from activation.deliveries.ledger_file import LedgerFile
from activation.deliveries.transport import Transport
from activation.destinations.file import FileDestination
from activation.destinations.kinds import open_delivery
from tests.support import forks
from tests.support.deliveries import KEY, QuickClock

Moment = Literal["leaves", "accepted", "answered", "writing", "written"]
MOMENTS: Sequence[Moment] = ("leaves", "accepted", "answered", "writing", "written")
ROOT = Path(__file__).parents[2]
_NAME = "dest"


def in_small_batches(delivery: Delivery) -> Delivery:
    """A delivery that removes one and adds two at a time: it has many boundaries."""
    if isinstance(delivery.destination, BatchedDestination):
        steps = {name: len(sizes) for name, sizes in delivery.destination.sizes.items()}
        delivery.destination.sizes = {"remove": (1,) * steps["remove"], "upsert": (2,) * steps["upsert"]}
    return delivery


class Killer:
    """A process that syncs, and is killed while it does."""

    def __init__(self, folder: Path) -> None:
        """Starts it; what it says on its errors is in the folder."""
        reading, asking = os.pipe()
        answers, saying = os.pipe()
        self._errors = folder / "errors"
        with os.fdopen(reading, "rb") as stdin, os.fdopen(saying, "wb") as stdout, self._errors.open("wb") as stderr:
            words = ["-m", "tests.support.killed_syncs"]
            environment = {**os.environ, **KEY}
            self._process = forks.start(words, cwd=ROOT, env=environment, stdin=stdin, stdout=stdout, stderr=stderr)
        self._asking, self._answers = os.fdopen(asking, "w"), os.fdopen(answers)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it."""
        self._asking.close()
        self._answers.close()
        self._process.wait(20)

    def killed(self, file: Path, moment: Moment, at: int) -> bool:
        """Syncs a destination until a moment comes for the nth time; whether it came before the sync was done."""
        self._asking.write(json.dumps([str(file), moment, at]) + "\n")
        self._asking.flush()
        code = int(self._answers.readline() or 1)
        assert code in (0, -signal.SIGKILL), self._errors.read_text()
        return code != 0


class _Strike:
    """The moment at which a process ends."""

    def __init__(self, moment: Moment, at: int) -> None:
        self._moment, self._left = moment, at

    def reached(self, moment: Moment) -> None:
        """Ends the process where it is the one."""
        self._left -= moment == self._moment
        if moment == self._moment and self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Is there at every request, file and write of the ledger."""
        once, put, writing = Transport._once, FileDestination._put, LedgerFile.writing

        def asked(transport: Transport, *arguments: Any) -> Any:
            self.reached("leaves")
            try:
                answer = once(transport, *arguments)
            except httpx.HTTPError:
                self._left = 1  # the stand-in took the nth without an answer
                self.reached("accepted")
                raise
            self.reached("answered")
            return answer

        def filed(destination: FileDestination, *arguments: Any) -> Any:
            self.reached("leaves")
            digest = put(destination, *arguments)
            self.reached("answered")
            return digest

        @contextmanager
        def noted(ledger: LedgerFile) -> Iterator[Any]:
            with writing(ledger) as connection:
                yield connection
                self.reached("writing")
            self.reached("written")

        for owner, name, hook in (
            (Transport, "_once", asked),
            (FileDestination, "_put", filed),
            (LedgerFile, "writing", noted),
        ):
            setattr(owner, name, hook)


def _sync(file: Path, moment: Moment, at: int) -> int:
    delivery = open_delivery(file.parent / "home", file, clock=QuickClock(), environment=KEY)
    _Strike(moment, at).watch()
    return int(deliver.sync(in_small_batches(delivery), allow_shrink=_NAME).status != "done")


def _main() -> None:
    for line in sys.stdin:
        file, moment, at = json.loads(line)
        pid = os.fork()
        if not pid:
            try:
                code = _sync(Path(file), moment, at)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                code = 1
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    _main()
