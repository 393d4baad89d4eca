"""`[engine]` and `--engine`: strict keys, every broken one at once, one engine in the place of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from features.config.engine.chosen_engine import engine_words, with_engine
from features.config.use_case import LogUseCase
from features.errors import UseCaseError
from features.tables.digests import config_digest, features_digest
from tests.support.worlds import log_case, purchases, table_case

SPARK = {"kind": "spark", "master": "spark://driver:7077", "folder": "shared"}
POSTGRES = {"kind": "postgres", "url_env": "WAREHOUSE_URL"}


def case(home: Path, /, **engine: Any) -> LogUseCase:
    """A use case with such a section."""
    return log_case(home, purchases(3, 40), engine=engine)


@pytest.mark.parametrize(
    ("stated", "broken"),
    [
        ({"kind": "trino", "cluster": "x"}, ["engine.kind: ", "engine.cluster: unknown key"]),
        ({"kind": "duckdb", "master": "local"}, ["engine: master does not go with kind 'duckdb'"]),
        (
            {"kind": "postgres", "master": "local", "folder": "f"},
            [
                "engine: master does not go with kind 'postgres'; folder does not go with kind 'postgres'; "
                "url_env must name"
            ],
        ),
        ({"kind": "postgres", "url_env": "postgres://me:secret@host"}, ["engine.url_env: must be the name of an env"]),
        ({"kind": "spark", "url_env": "URL"}, ["engine: url_env does not go with kind 'spark'"]),
        ({"kind": "spark", "master": ""}, ["engine.master: "]),
    ],
    ids=["unknown", "of spark", "all at once", "a secret", "of postgres", "empty"],
)
def test_broken_keys_are_named_all_at_once(tmp_path: Path, stated: dict[str, Any], broken: list[str]) -> None:
    """By the rule; an address that stands where a variable's name should is not shown."""
    with pytest.raises(UseCaseError) as caught:
        case(tmp_path, **stated)

    assert len(caught.value.broken) == len(broken)
    assert all(line.startswith(rule) for line, rule in zip(caught.value.broken, broken, strict=True))
    assert "secret" not in str(caught.value)


def test_a_folder_is_read_from_that_of_the_file(tmp_path: Path) -> None:
    """As every other path of a use case."""
    assert case(tmp_path, **SPARK).engine.folder == tmp_path / "shared"
    assert case(tmp_path).engine.kind == "duckdb"


def test_an_engine_changes_no_digest(tmp_path: Path) -> None:
    """The table is the same one: what was built by one engine is not built again by another."""
    plain = log_case(tmp_path, purchases(3, 40))

    moved = case(tmp_path, **SPARK)

    assert (config_digest(moved), features_digest(moved)) == (config_digest(plain), features_digest(plain))


def test_another_engine_is_asked_for_on_the_command_line(tmp_path: Path) -> None:
    """Of the kind that the file states its keys stay; of another kind none does."""
    stated = case(tmp_path, **SPARK)

    same, local = with_engine(stated, "spark", "local[2]"), with_engine(stated, "duckdb")
    elsewhere = with_engine(stated, "postgres", url_env="URL")

    assert (same.engine.master, same.engine.folder) == ("local[2]", tmp_path / "shared")
    assert local.engine.model_dump(exclude_none=True) == {"kind": "duckdb"}
    assert elsewhere.engine.model_dump(exclude_none=True) == {"kind": "postgres", "url_env": "URL"}
    assert with_engine(stated, None) is stated


def test_what_is_asked_for_travels_to_another_command(tmp_path: Path) -> None:
    """The words that a run hands to the commands of its steps make the same engine of the same file."""
    stated = case(tmp_path, **SPARK)
    for words in ([], ["duckdb"], ["spark", "local[2]"], ["postgres", None, "URL"]):
        asked = with_engine(stated, *words) if words else stated

        given = dict(zip(engine_words(asked)[::2], engine_words(asked)[1::2], strict=True))

        again = with_engine(stated, given["--engine"], given.get("--master"), given.get("--url-env"))
        assert again.engine == asked.engine


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    """PostgreSQL without an address, a master without Spark, an engine for a ready table."""
    log, table = case(tmp_path), table_case(tmp_path, purchases(3, 40).select(y="customer_id", x="amount"))
    refused: list[str] = []
    for use_case, words in ((log, ("postgres",)), (log, (None, "local")), (table, ("spark", "local"))):
        with pytest.raises(UseCaseError) as caught:
            with_engine(use_case, *words)
        refused += caught.value.broken

    assert refused == [
        "--engine: url_env must name the environment variable that holds the address of PostgreSQL",
        "--engine: master does not go with kind 'duckdb'",
        "--engine computes the features of a log, the columns of a table are there",
    ]
    assert with_engine(table, "duckdb") is table


def test_a_ready_table_has_no_such_section(tmp_path: Path) -> None:
    """Its columns are features already."""
    table_case(tmp_path, purchases(3, 40).select(y="customer_id", x="amount"))
    file = tmp_path / "case.toml"
    file.write_text(f'{file.read_text(encoding="utf-8")}\n[engine]\nkind = "duckdb"\n', encoding="utf-8")
    from features.config.use_case import load_use_case

    with pytest.raises(UseCaseError, match=r"\[engine\] does not go with \[table\]"):
        load_use_case(file)
