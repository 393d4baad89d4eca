"""The options that every command shares stand on either side of a sub-command."""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.spec.options import add_shared_options, command_first, default_home

SHARED = st.lists(st.sampled_from([["--json"], ["--home", "H"], ["--home=H"]]), max_size=3)


@given(before=SHARED, after=SHARED)
def test_either_side_says_the_same(before: list[list[str]], after: list[list[str]]) -> None:
    """Whatever stands before a command could as well stand after it."""
    parser = argparse.ArgumentParser()
    add_shared_options(parser)
    parser.add_argument("--watch", action="store_true")
    said = [word for words in before for word in words]
    more = [word for words in after for word in words]

    command, *rest = command_first([*said, "sync", "--watch", *more], ("sync",))

    assert command == "sync"
    assert parser.parse_args(rest) == parser.parse_args(["--watch", *said, *more])


@pytest.mark.parametrize(
    "words", [[], ["--json"], ["--home"], ["--json", "a.toml", "b.toml"], ["--input", "sync"], ["--home", "sync"]]
)
def test_what_is_no_command_stays_where_it_stands(words: list[str]) -> None:
    """A file, a value of an option and an option alone are none."""
    assert command_first(words, ("sync",)) == words


def test_any_word_is_a_command_where_one_must_be() -> None:
    """So that a wrong one is refused under its own name; options alone are left alone."""
    assert command_first(["--home", "H", "bogus"]) == ["bogus", "--home", "H"]
    assert command_first(["--json", "--help"]) == ["--json", "--help"]


@pytest.mark.parametrize(("environment", "given"), product(["", "E"], [None, "G"]))
def test_the_home_is_the_one_said_nearest(environment: str, given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line before PENCHANT_HOME, an empty one is none."""
    monkeypatch.setenv("PENCHANT_HOME", environment)
    parser = argparse.ArgumentParser()
    add_shared_options(parser)

    assert parser.parse_args(["--home", given] if given else []).home == Path(given or environment or ".penchant")
    assert default_home() == Path(environment or ".penchant")
