"""What several folders of tests share."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.support import forks

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

ROOT = Path(__file__).parents[1]

# How long an example takes says how busy the machine is, and decides nothing.
# The same examples in every run: what is found by chance is found again by whoever looks for it.
settings.register_profile("any machine", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Files of few tests that take long: begun last, one would keep the other processes waiting. While the first trains the
# examples the others do what needs none of them, for some minutes.
LONGEST = (
    "tests/system/test_docs.py",
    "tests/training/test_train.py",
    "tests/training/promotion/test_promote.py",
    "tests/features/build/test_log_table.py",
    "tests/features/point_in_time/test_compiled_sql.py",
    "tests/features/point_in_time/test_handed_log.py",
    "tests/training/test_main.py",
    "tests/training/registry/test_mlflow_registry.py",
    "tests/system/test_kills.py",
    "tests/system/test_notebook.py",
    "tests/system/test_stranger.py",
    "tests/handbook/test_browser.py",
    "tests/system/test_retail_segments.py",
    "tests/scoring/spark/test_score_on_spark.py",
    "tests/system/main_job/test_main_job.py",
    "tests/system/main_job/test_raw_events.py",
    "tests/serving/worker/test_endurance.py",
    "tests/serving/worker/test_descriptors.py",
    "tests/serving/worker/test_faults.py",
    "tests/training/promotion/test_killed_promotion.py",
    "tests/training/selection/test_seasonality.py",
    "tests/penchant/daily/test_run.py",
    "tests/penchant/daily/test_moves_of_runs.py",
    "tests/penchant/daily/test_monitored_runs.py",
    "tests/penchant/daily/test_retraining.py",
    "tests/serving/console/test_pages.py",
    "tests/serving/console/test_numbers.py",
    "tests/serving/api/test_openapi.py",
    "tests/system/test_one_meaning_of_events.py",
    "tests/monitoring/outcomes/test_settle.py",
    "tests/features/point_in_time/test_declared_counts.py",
    "tests/benchmarks/test_coverage.py",
    "tests/features/build/test_prove.py",
    "tests/features/build/test_objectors.py",
    "tests/system/test_core_alone.py",
    "tests/system/test_restored_backup.py",
    "tests/system/test_installed.py",
)


def pytest_configure() -> None:
    """Lets all processes of a run have their commands forked from the same ones, and compile a function once."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        forks.begin_run()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keeps the garbage collector from looking through all libraries again and again, now and in every test.

    A table of features makes a hundred thousand objects, which live as long as the test: it looks less often.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000)
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first, then those of many tests: two processes are given files in this order."""
    first = {ROOT / name: place for place, name in enumerate(LONGEST)}
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (first.get(item.path, len(first)), -tests[item.path]))


def newcomer() -> dict[str, str]:
    """The environment of someone who has set nothing: MLflow keeps its address there for its children."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PENCHANT_"))}


def take_along(names: Iterable[str], folder: Path) -> None:
    """Copies files and folders of the checkout, without the bytecode that other processes may be writing there."""
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, folder / name)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder of this run for all its processes: whoever asks first makes it, the others wait; only to be read."""
    own = factory.getbasetemp()
    run = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, made = run / name, run / f"{name}.made"
    with (run / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def examples_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as `make run` leaves it, the three examples trained and two days scored; not to be written to.

    Beside it stands `training.json`, what `python -m training --json` printed.
    """
    return made_once(tmp_path_factory, "examples", _train_the_examples) / ".penchant"


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """One driver a process: a second one finds the first one's event loop running and refuses."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for all tests."""
    from tests.support.browsers import chromium

    running = chromium(playwright)
    yield running
    running.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of docs/, built as `make site` does; a broken link or a page outside the navigation ends it."""
    return made_once(tmp_path_factory, "site", _build_the_site)


def _build_the_site(folder: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    surroundings = {**newcomer(), "NO_MKDOCS_2_WARNING": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="session")
def mailing_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `write_mailing` fills, the home in it; not to be written to."""
    return made_once(tmp_path_factory, "mailing", _make_the_mailing)


def _make_the_mailing(folder: Path) -> None:
    from tests.support.mailed import write_mailing

    write_mailing(folder)


def _train_the_examples(folder: Path) -> None:
    home = str(folder / ".penchant")
    Path(home).mkdir(mode=0o700)
    shutil.copy(ROOT / "examples" / "run.toml", home)  # as `examples/first_home.py` begins it
    trained = forks.run(["-m", "training", "--home", home, "--json"], cwd=ROOT, env=newcomer())
    assert trained.returncode == 0, trained.stderr
    (folder / "training.json").write_text(trained.stdout, encoding="utf-8")
    full_house = forks.run(["examples/first_home.py", "--home", home], cwd=ROOT, env=newcomer())
    assert full_house.returncode == 0, full_house.stderr
