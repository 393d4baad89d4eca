"""A forked command is to its caller what a process started anew is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import forks

PROGRAMS = {
    "well": "print('é'); import sys; print(sys.argv, sys.path[0], __name__)",
    "a code": "import sys; print('so', file=sys.stderr); sys.exit(3)",
    "a text": "raise SystemExit('what is wrong')",
    "surroundings": "import os; print(os.environ['OWN'], 'PYTEST_CURRENT_TEST' in os.environ, os.getcwd())",
    "late": "import atexit, threading, time; atexit.register(print, 'last');"
    "threading.Thread(target=lambda: (time.sleep(.1), print('first'))).start()",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "none of ours": "import sys; print({n for n in sys.modules if n.partition('.')[0] in ('features', 'tests')})",
    "files": "import os; print(os.read(0, 1), [n for n in range(3, 64) if os.path.exists(f'/proc/self/fd/{n}')])",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_fork_prints_and_ends_as_a_new_process(program: str, tmp_path: Path) -> None:
    """The same streams, exit code, surroundings, folder and open files; what is ours it imports itself."""
    env = {"PATH": os.environ["PATH"], "OWN": "here", "PYTHONUTF8": "1"}

    forked = forks.run(["-c", program, "a", "b"], cwd=tmp_path, env=env)

    line = [sys.executable, "-c", program, "a", "b"]
    anew = subprocess.run(
        line, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (anew.returncode, anew.stdout, anew.stderr)


def test_a_fork_is_a_process_to_wait_for_and_to_end(tmp_path: Path) -> None:
    """It has an id of its own, runs until it is sent a signal, and its end is known afterwards."""
    with (tmp_path / "out").open("wb") as sink:
        process = forks.start(
            ["-c", "import time; time.sleep(60)"], cwd=tmp_path, env=os.environ, stdout=sink, stderr=sink
        )

    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.terminate()
    assert process.wait() == process.poll() == -signal.SIGTERM


FIRST = """
import subprocess, sys
done = subprocess.run([sys.executable, "-m", "second", "a"], stdout=subprocess.PIPE)
print(done.returncode, done.stdout, flush=True)
subprocess.run([sys.executable, "-m", "second"], check=True)
"""
SECOND = "import sys; print('mlflow' in sys.modules, sys.argv[1:]); sys.exit(3)"


def test_a_command_that_a_fork_starts_is_a_fork_too(tmp_path: Path) -> None:
    """With its libraries imported; what it prints, its exit code and a failure come to whoever started it."""
    (tmp_path / "first.py").write_text(FIRST)
    (tmp_path / "second.py").write_text(SECOND)

    ended = forks.run(["first.py"], cwd=tmp_path, env=os.environ)

    assert ended.stdout == "3 b\"True ['a']\\n\"\nTrue []\n"
    assert ended.returncode == 1
    assert "CalledProcessError" in ended.stderr


def test_what_a_fork_is_told_of_a_command_is_what_subprocess_says(tmp_path: Path) -> None:
    """Both streams, as bytes or text, the exit code, and that it took too long."""
    (tmp_path / "third.py").write_text("import sys; print('é'); print('so', file=sys.stderr); sys.exit(3)")
    (tmp_path / "endless.py").write_text("import time; time.sleep(60)")
    line, env = [sys.executable, "-m", "third"], {**os.environ, "PYTHONUTF8": "1"}

    for text in (False, True):
        forked, anew = (
            run(line, cwd=tmp_path, env=env, capture_output=True, text=text, timeout=60, check=False)
            for run in (forks.run_as_told, subprocess.run)
        )
        assert (forked.returncode, forked.stdout, forked.stderr) == (anew.returncode, anew.stdout, anew.stderr)
    with pytest.raises(subprocess.TimeoutExpired):
        forks.run_as_told([sys.executable, "-m", "endless"], cwd=tmp_path, timeout=0.01)
