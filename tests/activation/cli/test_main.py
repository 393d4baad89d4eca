"""`penchant campaign`: the documents of Contract 7, and what is refused by which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.cli.forward import main
from tests.support.campaigns import answers, ids, planned


def test_a_campaign_is_listed_reported_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """list, show, outcomes and result, each as JSON and as lines."""
    campaign = planned(tmp_path)
    file = answers(tmp_path / "o.csv", [*ids("t", 900), *ids("h", 300)], lambda one: 0.2 if one[0] == "t" else 0.08)
    home = ["--home", str(tmp_path), "--json"]
    documents = []
    for words in (
        ["list"],
        ["outcomes", campaign.id, str(file), "--as-of", "2026-06-02"],
        ["result", campaign.id, "--as-of", "2026-06-02", "--cost", "1,5", "--currency", "eur"],
        ["show", campaign.id],
    ):
        assert main(["campaign", *words, *home]) == 0
        documents.append(json.loads(capsys.readouterr().out))
    listed, taken, found, shown = documents

    assert [(one["id"], one["status"], one["treated"]) for one in listed["campaigns"]] == [
        (campaign.id, "pending", 900)
    ]
    assert (taken["matched"], taken["unknown"], taken["changed"]) == (1200, 0, 0)
    assert found["status"] == "final"
    assert found["arms"].keys() == {"treated", "held_out"}
    assert {"n", "answered", "value"} <= found["arms"]["treated"].keys()
    assert {"rate", "value", "interval", "kind", "planned"} <= found["effect"].keys()
    assert {"answers", "value", "cost"} <= found["incremental"].keys()
    assert (found["incremental"]["cost"], found["incremental"]["currency"]) == (1350.0, "EUR")
    assert 0 <= found["srm"]["p"] <= 1
    assert shown["arms"]["treated"]["n"] == 900
    assert main(["campaign", "result", campaign.id, "--home", str(tmp_path), "--as-of", "2026-06-02"]) == 0
    assert "900 contacted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "rule"),
    [
        (["result", "nowhere"], 2, "`penchant campaign list`"),
        (["result", "../secrets", "--cost", "1"], 2, "`penchant campaign list`"),
        (["outcomes", "ID", "gone.csv"], 3, "gone.csv"),
    ],
)
def test_what_is_no_campaign_or_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, rule: str
) -> None:
    """By a sentence."""
    campaign = planned(tmp_path, treated=3, held_out=2)
    asked = [campaign.id if word == "ID" else word for word in words]

    assert main(["campaign", *asked, "--home", str(tmp_path)]) == code
    assert rule in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--cost=-1", "--cost=x", "--level=2", "--currency=euros", "--as-of=soon"])
def test_a_wrong_option_is_refused(tmp_path: Path, option: str) -> None:
    """With 2."""
    with pytest.raises(SystemExit) as refused:
        main(["campaign", "result", "0123456789ab", option, "--home", str(tmp_path)])

    assert refused.value.code == 2
