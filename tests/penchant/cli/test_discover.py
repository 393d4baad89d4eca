"""`penchant discover`: the document that others read, and what is said of files that ask for too much."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from penchant.cli.discover import main
from tests.support.shapes import Floats, blobs, of_numbers, rings

Capture = pytest.CaptureFixture[str]


def table(folder: Path, rows: Floats, discover: str = "") -> list[str]:
    """A file that asks for groups of a table of few digits, and the options that go with it."""
    cells = of_numbers(rows.round(2)).rows.with_row_index("customer_id")
    cells.write_csv(folder / "rows.csv")
    file = folder / "shape.toml"
    file.write_text(
        'name = "shape"\nseed = 7\n[table]\npath = "rows.csv"\ncustomer_id = "customer_id"\n'
        f'[discover]\n{discover}\n[names]\nf0 = {{ en = "Visits", fr = "Visites" }}\n'
    )
    return [str(file), "--home", str(folder / "home")]


def test_the_document_has_the_keys_that_others_read(tmp_path: Path, capsys: Capture) -> None:
    """Of groups in a table without an outcome, served, and drafted as rules."""
    asked = table(tmp_path, blobs(np.random.default_rng(5))[0])

    assert main([*asked, "--json", "--as-rules"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {
        *("method", "k", "verdict", "silhouette", "null", "stability", "outcomes", "order_kept", "clusters"),
        *("version", "promoted", "as_rules"),
    }
    assert (found["method"], found["k"], found["verdict"]) == ("kmeans", 3, "clusters")
    assert (found["null"].keys(), found["stability"].keys()) == ({"z", "excess"}, {"jaccard", "rand_over_time"})
    assert {key for one in found["clusters"] for key in one} == {"code", "label", "size", "distinguishing"}
    assert any("Visites" in one["label"]["fr"] for one in found["clusters"])
    assert (found["version"], found["promoted"], found["outcomes"]) == ("1", True, [])
    assert 'use_cases = ["shape"]' in Path(found["as_rules"]["file"]).read_text("utf-8")


def test_a_ring_around_another_has_a_number_for_a_name(tmp_path: Path, capsys: Capture) -> None:
    """Their means are those of all customers, and neither is average."""
    asked = table(tmp_path, rings(np.random.default_rng(5))[0], 'method = "density"')

    assert main([*asked, "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert [one["label"]["fr"] for one in found["clusters"][:2]] == ["Groupe 1", "Groupe 2"]
    assert found["version"] is None


@pytest.mark.parametrize(
    ("discover", "code", "rule"),
    [
        ('method = "kmean"', 2, "discover.method: input should be 'kmeans', 'hierarchical', 'density' or 'som'"),
        ("k = 0", 2, "discover.k: input should be greater than or equal to 1, got 0"),
        ('features = ["visit"]', 2, "discover.features: must name features, 'visit' is none"),
        ("", 3, "must have a column that can tell customers apart, it has none"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    discover: str, code: int, rule: str, tmp_path: Path, capsys: Capture
) -> None:
    """A file that is wrong, or a table in which all customers are alike."""
    asked = table(tmp_path, np.ones((60, 1)) if not discover else np.arange(60.0)[:, None] % 7, discover)

    assert main(asked) == code

    printed = capsys.readouterr()
    assert rule in printed.err
    assert printed.err.count("\n") == 1
    assert not printed.out


def test_twenty_customers_are_one_group(tmp_path: Path, capsys: Capture) -> None:
    """There is nothing to judge: none, and nothing to serve."""
    assert main([*table(tmp_path, np.arange(20.0)[:, None]), "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["k"], found["version"]) == ("none", 1, None)
