"""What stops training before it fits: the exit code, a line for each broken rule, and nothing in the release store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.broken import LEARNING, LOGS, SECRET
from training.__main__ import main

STOPPED = {
    name: {**LOGS, **LEARNING}[name]
    for name in (
        "truncated Parquet",
        "Latin-1 in the rows",
        "missing file",
        "no TOML",
        "duplicate profiles",
        "one class only",
        "excluded column not in the table",
        "order_by of one moment",
    )
}


@pytest.mark.parametrize("name", STOPPED)
def test_a_broken_input_trains_nothing(
    trained: dict[str, Any], home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The use case is 2, the data 3; the message names what it must, and no customer."""
    case = STOPPED[name]
    file = case.write(tmp_path)
    release_store = sorted((home / "releases").rglob("*"))

    code = main([str(file), "--home", str(home), "--json"])

    said = capsys.readouterr()
    assert code == case.code
    assert said.out.strip() == "[]"
    assert "error: " in said.err
    assert all(words in said.err for words in case.said)
    assert "Traceback" not in said.err
    assert SECRET not in said.err
    assert sorted((home / "releases").rglob("*")) == release_store
