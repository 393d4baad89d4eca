"""What the README and the guides show is run: use cases load, programs end well, commands print what is shown."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import pytest

from activation.deliveries.destination_file import load_destination
from features.config.discovery_file import load_discovery
from features.config.use_case import load_use_case
from handbook.reference.pages import NAMES
from monitoring.cli.alert_commands import ALERT_OPEN
from monitoring.config.monitor_file import load_monitor_file
from penchant.daily.run_file import load_run_file
from penchant.dossier.dossier_file import load_dossier_file
from scoring.privacy.retention_file import read_retention
from serving.auth.sign_in_file import read_sign_in
from serving.cli.demo import greeting
from serving.settings import Settings
from serving.streams.config import load_stream
from tests.conftest import newcomer, take_along
from tests.support import forks
from tests.support.markdown import Block, Command, alike, blocks, commands
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/index.md", "docs/guide", "docs/role", "examples")
SHOWN_ONLY = ("", "text", "mermaid")  # pictures and such: nothing to run
CHECKOUT = (
    "features",
    "scoring",
    "serving",
    "training",
    "penchant",
    "bentofile.yaml",
    "LICENSE",
)  # what commands there read
MADE = {ROOT / "docs/reference" / name for name in NAMES}  # pages that the site makes from the code
SHELL = set("|&;<>$`*?~#")  # a line with one of them is for bash
SERVED = "127.0.0.1:3000"  # where documents say the server is
SECRETS = dict.fromkeys(("PENCHANT_OIDC_SECRET", "PENCHANT_PROXY_SECRET"), "0123456789abcdef")
_IDS = re.compile(r"\b(?=[0-9a-f]*[a-f])[0-9a-f]{12}(?:[0-9a-f]{4})?\b")  # of campaigns and alerts


def documents() -> list[Path]:
    """Every document with blocks in it; those in French show the same ones (`test_french_docs.py`)."""
    found = [
        path for name in DOCUMENTS for path in ([ROOT / name] if name.endswith(".md") else (ROOT / name).rglob("*.md"))
    ]
    return sorted(path for path in found if path.parent.name != "fr" and blocks(path.read_text(encoding="utf-8")))


def _read(path: Path) -> None:
    """Takes a file as its own command or server would."""
    home: dict[str, Callable[[Path], object]] = {
        "dossier.toml": load_dossier_file,
        "monitor.toml": load_monitor_file,
        "retention.toml": read_retention,
        "run.toml": load_run_file,
        "sign-in.toml": partial(read_sign_in, environment=SECRETS),
    }
    text = path.read_text(encoding="utf-8")
    if path.name in home:
        home[path.name](path.parent)
    elif text.startswith("[source]"):
        load_stream(path)
    elif text.startswith("[destination]"):
        load_destination(path)
    elif "[discover]" in text and "[label]" not in text:
        load_discovery(path)
    else:
        load_use_case(path)


@dataclass
class Reader:
    """Somebody who follows a document in a checkout of their own, where `.penchant` holds the trained examples."""

    folder: Path
    port: int
    server: forks.Forked | None = None
    wrong: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)  # of campaigns and alerts, by those in the document

    @property
    def surroundings(self) -> dict[str, str]:
        """The environment after `source .venv/bin/activate`, in the repository."""
        kept = newcomer()
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        own = {"PATH": path, "PENCHANT_ACCESS_LOG": "off", "BENTOML_HOME": str(self.folder / "bentoml")}
        return {**kept, **own}

    def follow(self, document: Path) -> None:
        """Does what every block says, in order."""
        for block in blocks(document.read_text(encoding="utf-8")):
            match block.language:
                case "toml":
                    self.save(block)
                case "python":
                    self.execute(block)
                case "console":
                    for command in commands(block.text):
                        self.type(command)
                case "json":
                    json.loads(block.text)
                case _:
                    assert block.language in SHOWN_ONLY, f"line {block.line}: {block.language!r} is not run by any test"

    def save(self, block: Block) -> None:
        """Saves a file under the name the document gives, or adds sections to one; what reads such files takes it."""
        name = "stream.toml" if block.text.startswith("[source]") else "use-case.toml"
        path = self.folder / (block.file or block.more or name)
        before = path.read_text(encoding="utf-8") + "\n" if block.more else ""
        path.write_text(before + block.text, encoding="utf-8")
        _read(path)

    def execute(self, block: Block) -> None:
        """Runs a program; it must end well."""
        ended = forks.run(["-c", self.local(block.text)], cwd=self.folder, env=self.surroundings)
        if ended.returncode:
            self.wrong.append(f"line {block.line}:\n{ended.stderr}")

    def type(self, command: Command) -> None:
        """Types a command; it must print what the document shows."""
        if command.line.startswith("make "):
            self.make(command)
        elif command.line.startswith("python -m serving"):
            self.serve()
        else:
            ended = self.started(self.own(self.local(command.line)))
            self.compare(command, ended.stdout + ended.stderr, ended.stderr + ended.stdout)
            fine = (0, ALERT_OPEN) if command.line.startswith("penchant monitor") else (0,)
            if ended.returncode not in fine and "error" not in command.printed:
                self.wrong.append(f"$ {command.line}\nended with {ended.returncode}\n{ended.stderr}")

    def started(self, line: str) -> subprocess.CompletedProcess[str]:
        """A line in the reader's folder, ended: by bash, where it asks more of it than to start Python."""
        words = shlex.split(line.replace("\\\n", " "))
        if words[:2] == ["python", "-m"] and not SHELL & set(line):
            return forks.run(words[1:], cwd=self.folder, env=self.surroundings)
        words = ["bash", "-c", line]
        return subprocess.run(
            words, cwd=self.folder, env=self.surroundings, capture_output=True, text=True, check=False
        )

    def make(self, command: Command) -> None:
        """`make run` greets; of the other targets, which would run these tests again, only the existence is held."""
        target = command.line.split()[1]
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), target
        if target == "run" and command.printed:
            self.serve()
            with httpx.Client(base_url=self.local(f"http://{SERVED}"), timeout=30, trust_env=False) as client:
                greeted = "\n".join(greeting(self.folder / ".penchant", client))
            self.compare(command, "trained\n" + greeted.replace(f"{self.folder}/", ""))

    def serve(self) -> None:
        """Starts the server, once, and waits until it is ready."""
        if self.server is not None:
            return
        line = ["-m", "serving", "--port", str(self.port)]
        with Path(os.devnull).open("wb") as nowhere:
            self.server = forks.start(line, cwd=self.folder, env=self.surroundings, stdout=nowhere, stderr=nowhere)
        latest = time.monotonic() + 120
        while time.monotonic() < latest and self.server.poll() is None:
            try:
                if httpx.get(self.local(f"http://{SERVED}/readyz"), trust_env=False).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
        pytest.fail("The server did not become ready.")

    def own(self, text: str) -> str:
        """A text with the ids that this reader's commands printed in place of those of the document."""
        return _IDS.sub(lambda found: self.ids.get(found[0], found[0]), text)

    def local(self, text: str) -> str:
        """A text with the address of this reader's server."""
        return text.replace(SERVED, f"127.0.0.1:{self.port}")

    def compare(self, command: Command, *orders: str) -> None:
        """Notes a command that printed something else than the document; its ids are this reader's now."""
        orders = tuple(printed.replace(self.local(SERVED), SERVED) for printed in orders)
        for documented, own in zip(_IDS.findall(command.printed), _IDS.findall(orders[0]), strict=False):
            self.ids.setdefault(documented, own)
        if not any(alike(self.own(command.printed), printed) for printed in orders):
            self.wrong.append(f"$ {command.line}\n{orders[0]}\ninstead of\n{command.printed}")


@pytest.fixture
def reader(tmp_path: Path, examples_home: Path) -> Iterator[Reader]:
    """A reader with the code, the examples, their releases and two files of their own; the server is stopped after."""
    take_along(CHECKOUT, tmp_path)
    shutil.copytree(examples_home, tmp_path / ".penchant")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    orders().write_csv(tmp_path / "orders.csv")
    (tmp_path / "asked.txt").write_text("customer_id\n616\n", encoding="utf-8")
    reader = Reader(tmp_path, free_port())
    yield reader
    if reader.server is not None:
        reader.server.terminate()
        reader.server.wait(timeout=30)


def orders(customers: int = 2000) -> pl.DataFrame:
    """A log of orders as a small shop has it: customers come, order at a pace of their own, and some leave."""
    rng, days = np.random.default_rng(7), 480
    rate, begins = rng.gamma(1.2, 1 / 45, customers), rng.integers(0, 300, customers)
    active = np.minimum(rng.exponential(300, customers), days - begins)
    customer = np.repeat(np.arange(customers), rng.poisson(rate * active) + 1)
    first = np.r_[True, customer[1:] != customer[:-1]]
    day = begins[customer] + np.where(first, 0, rng.random(len(customer)) * active[customer])
    placed = [date(2025, 1, 1) + timedelta(days=int(one)) for one in day]
    total = np.round(rng.lognormal(3.5, 0.6, len(customer)), 2)
    return pl.DataFrame({"client": customer + 1000, "ordered_at": placed, "total": total}).sort("ordered_at", "client")


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_does_what_it_shows(document: Path, reader: Reader) -> None:
    """Every block runs, and every command prints what stands below it, but for the figures."""
    reader.follow(document)

    assert not reader.wrong, "\n\n".join(reader.wrong)


def test_every_setting_is_documented() -> None:
    """The table of settings names each variable, and no other."""
    table = (ROOT / "docs/guide/operations.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(PENCHANT_\w+)`", table, re.MULTILINE)) == {
        f"PENCHANT_{name.upper()}" for name in Settings.__slots__
    }


@pytest.mark.parametrize(
    "document",
    sorted([*ROOT.glob("*.md"), *ROOT.rglob("docs/**/*.md")]),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_link_leads_somewhere(document: Path) -> None:
    """A relative link names a file of the repository, or a page that the site makes."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
    paths = [(document.parent / link).resolve() for link in links]

    assert [path for path in paths if not path.exists() and path not in MADE] == []
