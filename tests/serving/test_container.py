"""What a container would run: the Dockerfile and the compose file held by rules, and their server really started."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.servers import QUICK, ROOT, start, stop

SECRET = re.compile(r"(?i)[\w-]*(password|secret|token|key)\b\s*[:=]\s*\"?\w")
STAGES = ("mlflow", "server")


@dataclass(frozen=True)
class Instruction:
    """One line of a Dockerfile, continuations joined, in the stage it belongs to."""

    stage: str
    word: str
    rest: str

    @property
    def arguments(self) -> list[str]:
        """The rest as words, of the JSON form and of the shell form alike."""
        text = self.rest.partition("CMD ")[2] if self.word == "HEALTHCHECK" else self.rest
        return list(json.loads(text)) if text.startswith("[") else shlex.split(text)


def instructions(text: str) -> list[Instruction]:
    """Every instruction of a Dockerfile."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found, stage = [], ""
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            stage = rest.split()[-1]
        if word:
            found.append(Instruction(stage, word, rest.strip()))
    return found


def broken_rules(dockerfile: str, compose: str) -> set[str]:
    """The rules that the two files break, by name."""
    told, composed = instructions(dockerfile), yaml.safe_load(compose)
    of = {stage: [one for one in told if one.stage in ("base", stage)] for stage in STAGES}
    images = [one.rest.split()[0] for one in told if one.word == "FROM"]
    images += [service["image"] for service in composed["services"].values() if "image" in service]
    installs = [one.rest for one in told if one.word == "RUN" and "pip install" in one.rest]
    users = [[one.rest for one in lines if one.word == "USER"] for lines in of.values()]
    rules = {
        "a named version": all(re.search(r":v?\d[\w.-]*$", image) for image in images if image != "base"),
        "no root": all(names and names[-1] not in ("root", "0") for names in users),
        "a health check": all(any(one.word == "HEALTHCHECK" for one in lines) for lines in of.values()),
        "the lock with its hashes": bool(installs) and all(_locked(line) for line in installs),
        "no secret": not SECRET.search(re.sub(r"\$\{[^}]*\}", "", dockerfile + compose)),
        "no address": "://" not in re.sub(r"http://127\.0\.0\.1:|postgresql\+psycopg://", "", dockerfile + compose),
        "the server is what is built": told[-1].stage == "server",
    }
    services = {name: _holds(service) for name, service in composed["services"].items()}
    rules |= {rule: all(held[rule] for held in services.values()) for rule in next(iter(services.values()))}
    rules["a server that writes to its home alone"] = _reads_only(composed["services"]["server"])
    return {rule for rule, held in rules.items() if not held}


def _locked(line: str) -> bool:
    return "--require-hashes" in line and bool(re.search(r"--requirement \S+\.lock$", line))


def _holds(service: dict[str, Any]) -> dict[str, bool]:
    return {
        "this machine only": all(port.startswith("127.0.0.1:") for port in service.get("ports", [])),
        "no rights": service.get("cap_drop") == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"],
        "no way to the machine": not {"privileged", "network_mode", "pid", "devices", "ipc"} & service.keys(),
        "no socket of the engine": "docker.sock" not in str(service.get("volumes")),
    }


def _reads_only(server: dict[str, Any]) -> bool:
    home, releases = server["volumes"]
    return server["read_only"] is True and releases.endswith("/releases:ro") and home.endswith(":/srv/penchant")


def files() -> tuple[str, str]:
    """The two texts."""
    return (ROOT / "Dockerfile").read_text(encoding="utf-8"), (ROOT / "compose.yaml").read_text(encoding="utf-8")


def test_the_images_and_their_services_keep_every_rule() -> None:
    """Not root, pinned, locked, checked, without secrets, and answering this machine alone."""
    assert broken_rules(*files()) == set()


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("python:3.11-slim-bookworm", "python:latest", "a named version"),
        ("python:3.11-slim-bookworm", "python", "a named version"),
        ("postgres:17-bookworm", "postgres", "a named version"),
        ("USER 10001", "USER root", "no root"),
        ("USER 10001\n", "", "no root"),
        ("HEALTHCHECK", "LABEL", "a health check"),
        ("--require-hashes ", "", "the lock with its hashes"),
        ("--requirement /tmp/requirements.lock", "bentoml", "the lock with its hashes"),
        ("PGUSER: mlflow", "PGUSER: mlflow\n      API_KEY: abc", "no secret"),
        ('"${POSTGRES_PASSWORD:?must be set in the environment or in .env}"', "mlflow", "no secret"),
        ("WORKDIR /app", "ADD https://example.org/x /app", "no address"),
        ('["127.0.0.1:${MLFLOW_PORT', '["${MLFLOW_PORT', "this machine only"),
        ("cap_drop: [ALL]", "cap_drop: []", "no rights"),
        ("user: postgres", "user: postgres\n    privileged: true", "no way to the machine"),
        ("/releases:ro", "/releases", "a server that writes to its home alone"),
        ("read_only: true", "read_only: false", "a server that writes to its home alone"),
    ],
)
def test_each_rule_can_be_broken(before: str, after: str, rule: str) -> None:
    """A change that weakens a container is named."""
    texts = files()
    assert any(before in text for text in texts)
    changed = [text.replace(before, after) for text in texts]

    assert rule in broken_rules(changed[0], changed[1])


def test_the_context_holds_what_is_copied_and_nothing_else() -> None:
    """`.dockerignore` lets in what a COPY names: no home, no key, no data ever reaches the engine."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        source.rstrip("/")
        for one in instructions(files()[0])
        if one.word == "COPY"
        for source in one.arguments[:-1]
        if source != "serving/requirements.lock"  # in serving/ anyway
    }

    assert "*" in lines
    assert let_in == copied
    assert all((ROOT / name).exists() for name in copied)


def test_what_the_image_copies_serves(home: Path, tmp_path: Path) -> None:
    """The files of the server's COPY lines, and no more, started by its CMD, pass its health check and are ready.

    The registry's address leads nowhere, which a server does not notice.
    """
    lines = [one for one in instructions(files()[0]) if one.stage == "server"]
    app = tmp_path / "app"
    for one in lines:
        if one.word == "COPY" and not one.arguments[-1].startswith("/"):
            _copy(one.arguments[:-1], app / one.arguments[-1])
    [command] = [one.arguments for one in lines if one.word == "CMD"]
    [health] = [one.arguments for one in lines if one.word == "HEALTHCHECK"]
    listening = command.index("--host")
    changed = [sys.executable, *command[1:listening], *command[listening + 4 :]]  # on this machine, on a free port
    settings = {**QUICK, "PENCHANT_HOME": str(home), "MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "PYTHONPATH": ""}

    server = start(home, tmp_path, settings, command=changed, folder=app)
    try:
        port = server.url.rpartition(":")[2]
        check = [sys.executable, "-c", health[-1].replace("3000", port)]
        healthy = subprocess.run(check, check=False, capture_output=True).returncode
    finally:
        stop(server)
    ill = subprocess.run(check, check=False, capture_output=True).returncode

    assert (healthy, ill) == (0, 1)


def _copy(sources: list[str], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / source, target)
