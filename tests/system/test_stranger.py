"""A stranger's shop gets from its log to a list by five commands copied from the site, nothing else typed."""

from __future__ import annotations

import html
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl

from examples.shop.generate import ORDERS, write_orders
from tests.conftest import newcomer
from tests.support import forks
from tests.support.markdown import Command, alike, blocks, commands

ROOT = Path(__file__).parents[2]
PACKAGES = ("features", "scoring", "training", "serving", "penchant")


def shown(page: Path) -> list[Command]:
    """The commands of a page of docs/."""
    found = blocks(page.read_text(encoding="utf-8"))
    return [one for block in found if block.language == "console" for one in commands(block.text)]


def copied(page: Path) -> list[str]:
    """The commands of a page of the site, as a reader copies them: what stands after the sign of a shell."""
    text = html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))
    return re.findall(r"^\$ (penchant .*)$", text, re.MULTILINE)


def test_a_log_becomes_a_list_by_five_commands(tmp_path: Path) -> None:
    """Semicolons, accents, euro signs, day before month; the use case is what `features init` wrote."""
    for package in PACKAGES:  # installed, as far as the folder goes where they are typed
        (tmp_path / package).symlink_to(ROOT / package)
    last = write_orders(tmp_path / "commandes.csv")
    page = shown(ROOT / "docs/start.md")
    wrong = []

    for command in page:
        words = shlex.split(command.line)
        ended = forks.run(["-m", *words], cwd=tmp_path, env=newcomer())
        assert ended.returncode == 0, f"{command.line}\n{ended.stderr}"
        printed = ended.stdout + ended.stderr
        wrong += [] if alike(command.printed, printed) else [f"$ {command.line}\n{printed}"]

    drafted = (tmp_path / "commandes.toml").read_text(encoding="utf-8")
    listed = pl.read_csv(tmp_path / "list.csv", infer_schema=False)["customer_id"]
    log = pl.read_csv(tmp_path / "commandes.csv", separator=";", infer_schema=False)
    assert (len(page), len(log), f"{last:%Y-%m-%d}") == (5, ORDERS, "2025-11-10")
    assert wrong == []
    assert "FILL IN" not in drafted
    assert 'amount = "Montant TTC"' in drafted
    assert 100 < len(listed) < 1000
    assert set(listed) <= set(log["N° client"])


def test_a_checkout_has_the_command_wherever_it_is_typed(tmp_path: Path) -> None:
    """`make setup` puts it into `.venv`, where no package of ours is installed."""
    commands_of = tmp_path / "checkout/.venv/bin"
    commands_of.mkdir(parents=True)
    (commands_of.parent / ".installed").touch()
    shutil.copy(ROOT / "Makefile", tmp_path / "checkout")
    (tmp_path / "checkout/requirements.lock").touch()
    os.utime(tmp_path / "checkout/requirements.lock", (0, 0))
    for package in PACKAGES:
        (tmp_path / "checkout" / package).symlink_to(ROOT / package)
    (commands_of / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    (commands_of / "python").chmod(0o755)

    make = ["make", "--silent", "--directory", str(tmp_path / "checkout"), ".venv/bin/penchant"]
    subprocess.run(make, check=True, env=newcomer())
    typed = [str(commands_of / "penchant"), "--help"]
    ended = subprocess.run(typed, cwd=tmp_path, env=newcomer(), capture_output=True, text=True, check=True)

    assert "penchant COMMAND" in ended.stdout


def test_the_site_shows_the_same_five_commands_in_both_languages(site: Path) -> None:
    """They are copied from there."""
    page = [command.line for command in shown(ROOT / "docs/start.md")]

    assert copied(site / "start.html") == page
    assert copied(site / "fr/start.html") == page
