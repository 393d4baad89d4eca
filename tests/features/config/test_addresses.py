"""Addresses in the place of paths: what may stand, what is shown of it, and that secrets stand nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.config.origins.addresses import address
from features.config.use_case import load_use_case
from features.errors import UseCaseError
from features.tables.digests import config_digest

USE_CASE = """
name = "t"
polarity = "positive"
[table]
path = "{path}"
label = "y"
positive = 1
{keys}
"""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://zoe@db:5432/shop?sslmode=require", "postgres://db:5432/shop"),
        ("postgresql://db/shop", "postgres://db/shop"),
        ("s3://lake/events/", "s3://lake/events/"),
        ("https://api.example/v1/orders?limit=100#top", "https://api.example/v1/orders"),
        ("http://[::1]:8080/rows", "http://[::1]:8080/rows"),
    ],
)
def test_an_address_is_shown_without_user_and_query(text: str, shown: str) -> None:
    """Nor does its representation show them."""
    found = address(text)

    assert found.redacted == shown
    assert "zoe" not in repr(found)


@pytest.mark.parametrize(
    ("path", "keys", "rule"),
    [
        ("postgres://zoe:hidden@db/shop", 'table = "t"', "must hold no secret"),
        ("https://api.example/rows?api_key=hidden", "", "must hold no secret"),
        ("http://api.example/rows", "", "must be https://"),
        ("ftp://host/rows", "", "must begin with one of s3://"),
        ("postgres://db/shop", "", "either table or query must be given"),
        ("s3://lake/rows", 'query = "SELECT 1"', "table and query go with the address of a database"),
        ("s3://lake/rows", 'ingest = { cursor = "at" }', "files are compared whole"),
        ("postgres://db/shop", 'table = "t"\ningest = { key_env = "hidden" }', "must be the name of an environment"),
        ("rows.csv", 'query = "SELECT 1"', "query and ingest go with an address"),
    ],
)
def test_what_cannot_be_read_is_refused_without_a_secret(tmp_path: Path, path: str, keys: str, rule: str) -> None:
    """By rule, before anything is asked for."""
    file = tmp_path / "t.toml"
    file.write_text(USE_CASE.format(path=path, keys=keys))

    with pytest.raises(UseCaseError, match=rule) as caught:
        load_use_case(file)

    assert "zoe" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_how_a_source_is_read_is_no_part_of_what_is_learned(tmp_path: Path) -> None:
    """Lag, schedule and freshness change no table."""
    file, digests = tmp_path / "t.toml", set()
    for keys in ('table = "t"', 'table = "t"\ningest = { cursor = "at", lag = "2d" }\n[freshness]\nat_most = "3d"'):
        file.write_text(USE_CASE.format(path="postgres://db/shop", keys=keys))
        digests.add(config_digest(load_use_case(file, tmp_path)))

    assert len(digests) == 1
