"""A run that is killed, stopped or done step by step: it goes on as the run that was begun."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from penchant import population
from penchant.cli.run import main
from penchant.daily.day_steps import STEPS
from penchant.daily.run_state import STEP_NAMES
from scoring.audiences.consent import COLUMNS
from scoring.bundle.bundle import canonical_json
from scoring.population.daily_file import failed_run
from scoring.privacy import suppression
from scoring.releases.current_pointer import current_version
from scoring.releases.store import install_release, make_current
from tests.penchant.daily.test_run import DAY, files, left, ran
from tests.support import forks
from tests.support.deliveries import KEY
from tests.support.fakes.base import serving
from tests.support.fakes.receiver import FakeReceiver

Capture = pytest.CaptureFixture[str]
BEFORE = "2024-09-30"
AFTER = STEP_NAMES[2:]


def with_destination(world: Path, url: str) -> None:
    """The five likeliest of each day are kept at a tool that sends; all agreed."""
    people = sorted(set(pl.read_parquet(world / "events.parquet")["customer_id"]))
    pl.DataFrame({"customer_id": people, "mail": [f"{one}@example.org" for one in people]}).write_parquet(
        world / "contacts.parquet"
    )
    agreed = [(one, "email", "marketing", "2024-01-01", "", "form", "1") for one in people]
    pl.DataFrame(agreed, list(COLUMNS), orient="row").write_parquet(world / "consent.parquet")
    (world / "dest.toml").write_text(
        f'[destination]\nkind = "webhook"\nkey_env = "DEST_KEY"\nurl = "{url}"\n'
        '[audience]\nuse_case = "case"\ntop = 5\n'
        '[consent]\ncontacts = "contacts.parquet"\nemail = "mail"\nconsent = "consent.parquet"\npurpose = "marketing"\n'
        "[limits]\npatience = 1\n"
    )
    rules = (world / "home/run.toml").read_text(encoding="utf-8")
    limited, stated = 'max_age = "36h"', 'destinations = ["../dest.toml"]'
    assert limited in rules
    (world / "home/run.toml").write_text(rules.replace(limited, stated), encoding="utf-8")


def kept(home: Path) -> dict[str, Any]:
    """What `penchant run status` shows."""
    document: dict[str, Any] = json.loads((home / "population/last_run.json").read_bytes())
    return document


def test_a_run_killed_at_every_step_leaves_the_same_bytes(
    world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the step's work and after its note, one step after the other; the tool that sends takes each row once."""
    monkeypatch.setenv("DEST_KEY", KEY["DEST_KEY"])
    home = world / "home"
    suppression.own_key(home)  # whose hashes stand in the index of a day
    twin = shutil.copytree(world, world.with_name("twin")) / "home"
    with serving(fake := FakeReceiver()) as url, serving(twins := FakeReceiver()) as other:
        with_destination(world, url)
        with_destination(twin.parent, other)
        ran(home, capsys, "--as-of", BEFORE)
        for day in (BEFORE, DAY):
            ran(twin, capsys, "--as-of", day)

        for step in STEP_NAMES:
            for moment in ("worked", "noted"):
                command = [sys.executable, "-m", "tests.support.killed_runs", str(home), DAY, step, moment]
                done = forks.run_as_told(command, capture_output=True, cwd=forks.ROOT)
                assert done.returncode == -signal.SIGKILL, (step, moment, done.stderr.decode())
        end = ran(home, capsys, "--as-of", DAY)

        assert end["status"] == "unchanged"
        assert len(fake.requests) == len(twins.requests) > 1
        assert fake.members().keys() == twins.members().keys()
    assert files(home) == files(twin)
    assert left(home) == left(twin)
    assert [step["name"] for step in kept(home)["steps"]] == list(STEP_NAMES)
    assert [path.name for path in (home / "population").iterdir() if path.name.startswith(".")] == [".run.lock"]


def release_again(home: Path, version: str) -> None:
    """The same model of another training, in service."""
    bundle = shutil.copytree(home / "bundles/case", home / f"bundles/case-{version}")
    stated = json.loads((bundle / "manifest.json").read_bytes())
    (bundle / "manifest.json").write_bytes(canonical_json({**stated, "code_revision": version}))
    install_release(home, "case", version, bundle, report=b"report", facts={})
    make_current(home, "case", version)


def promoting(world: Path) -> SimpleNamespace:
    """What stands in for a training that promotes at once."""

    def trained(command: list[str], **_options: object) -> subprocess.CompletedProcess[bytes]:
        release_again(world / "home", "2")
        return subprocess.CompletedProcess(command, 0, b'[{"promoted": true}]')

    return SimpleNamespace(run=trained, PIPE=subprocess.PIPE)


def test_a_promotion_by_the_run_itself_scores_the_next_day(
    world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same day again is unchanged, alone or whole; one that somebody else promotes makes the day anew."""
    home = world / "home"
    rules = (home / "run.toml").read_text(encoding="utf-8")
    (home / "run.toml").write_text(f'{rules}\n[retrain]\nwhen = ["age > 1d"]\n', encoding="utf-8")
    monkeypatch.setattr("penchant.daily.retraining.subprocess", promoting(world))
    due = "penchant.daily.retraining.due_for_training"
    monkeypatch.setattr(due, lambda *_: [("case", "age > 1d")] if current_version(home, "case") == "1" else [])

    first = ran(home, capsys, "--as-of", DAY)
    alone = ran(home, capsys, "--as-of", DAY, "--only", "retrain")
    again = ran(home, capsys, "--as-of", DAY)

    assert current_version(home, "case") == "2"
    assert first["steps"][-1]["note"] == "case (age > 1d): promoted"
    assert (alone["status"], alone["run_id"]) == ("done", first["run_id"])
    assert (again["status"], again["run_id"]) == ("unchanged", first["run_id"])
    assert set(population(home=home)["case_version"]) == {"1"}
    release_again(home, "3")
    anew = ran(home, capsys, "--as-of", DAY, "--only", "features")
    assert anew["run_id"] != first["run_id"]
    assert ran(home, capsys, "--as-of", DAY)["status"] == "done"
    assert set(population(home=home)["case_version"]) == {"3"}


def test_an_objection_between_two_steps_keeps_no_step_from_its_run(world: Path, capsys: Capture) -> None:
    """Steps one by one are of one run; who objected meanwhile leaves the day, and the last run names every step."""
    home = world / "home"
    ids = set()
    for step in STEP_NAMES[:3]:
        ids.add(ran(home, capsys, "--as-of", DAY, "--only", step)["run_id"])
    assert kept(home)["status"] == "incomplete"
    assert failed_run(home) is None
    suppression.add(home, ["c1"])

    for step in (*STEP_NAMES[3:], "population"):  # an orchestrator may ask for one again
        ids.add(ran(home, capsys, "--as-of", DAY, "--only", step)["run_id"])

    assert len(ids) == 1
    assert "c1" not in population(home=home)["customer_id"]
    assert ([step["name"] for step in kept(home)["steps"]], kept(home)["status"]) == (list(STEP_NAMES), "done")


def test_sources_that_grow_between_two_steps_are_those_that_the_run_read(world: Path, capsys: Capture) -> None:
    """A step alone goes on with them; a use case that changed is asked for its features first."""
    home = world / "home"
    begun = ran(home, capsys, "--as-of", DAY, "--only", "features")
    log = pl.read_parquet(world / "events.parquet")
    pl.concat([log, log.head(1)]).write_parquet(world / "events.parquet")

    made = ran(home, capsys, "--as-of", DAY, "--only", "population")

    assert made["run_id"] == begun["run_id"]
    ran(home, capsys, "--as-of", DAY, "--only", "features")
    use_case = (world / "case.toml").read_text()
    (world / "case.toml").write_text(use_case.replace("seed = 7", "seed = 8"))
    assert main(["--home", str(home), "--as-of", DAY, "--only", "population"]) == 4
    assert "needs what the step features makes" in capsys.readouterr().err


def test_steps_within_another_are_asked_for_by_their_names_too(world: Path, capsys: Capture) -> None:
    """With a sentence; whoever asks for each of them has the customers scored once."""
    home = world / "home"
    ran(home, capsys, "--as-of", DAY, "--only", "features")

    statuses = []
    for step in ("score", "segments", "population"):
        assert main(["--home", str(home), "--as-of", DAY, "--only", step, "--json"]) == 0
        printed = capsys.readouterr()
        [done] = json.loads(printed.out)["steps"]
        statuses.append((done["name"], done["status"]))
        assert ("is done within the step population" in printed.err) == (step != "population")

    assert statuses == [("population", "done"), ("population", "unchanged"), ("population", "unchanged")]


def test_a_run_that_is_asked_to_end_says_that_it_goes_on(
    world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6, and what is done stays; the same command does the rest."""
    home = world / "home"
    ran(home, capsys, "--as-of", DAY, "--only", "features")
    with monkeypatch.context() as patched:
        stopped = {"flows": lambda *_: os.kill(os.getpid(), signal.SIGTERM)}
        patched.setattr("penchant.daily.day.STEPS", {**STEPS, **stopped})
        assert main(["--home", str(home), "--as-of", DAY]) == 6

    assert "The same command goes on" in capsys.readouterr().err
    assert [step["status"] for step in kept(home)["steps"]] == ["done", "done", "done", "stopped"]
    failed = failed_run(home)
    assert failed
    assert failed.status == "stopped"
    rest = ran(home, capsys, "--as-of", DAY)
    assert [step["name"] for step in rest["steps"]] == list(AFTER[1:])


def test_a_destination_that_is_stopped_is_asked_again(
    world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run does not fail for it; the step alone ends with 6 until all is there, and the same run then has no more."""
    monkeypatch.setenv("DEST_KEY", KEY["DEST_KEY"])
    home = world / "home"
    with serving(fake := FakeReceiver()) as url:
        with_destination(world, url)
        fake.faults.append((429, {"retry-after": "90"}))
        first = ran(home, capsys, "--as-of", DAY)
        [sent] = [step for step in first["steps"] if step["name"] == "activate"]
        assert sent["status"] == "stopped", sent["note"]
        fake.faults.append((429, {"retry-after": "90"}))
        assert main(["--home", str(home), "--as-of", DAY, "--only", "activate"]) == 6
        capsys.readouterr()

        rest = ran(home, capsys, "--as-of", DAY)

        assert [step["name"] for step in rest["steps"]] == ["activate"]
        assert len(fake.members()) == 5
    assert ran(home, capsys, "--as-of", DAY)["status"] == "unchanged"
