"""Labels of values: found for every feature of their column, a finding where nobody will read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.build.log_table import learning_table
from features.config.use_case import TableUseCase, load_use_case
from features.errors import UseCaseError
from features.tables.value_labels import value_labels
from tests.support.worlds import log_case, purchases, table_case


def text(word: str) -> dict[str, str]:
    """A label in both languages."""
    return {"fr": f"{word} (fr)", "en": f"{word} (en)"}


def labelled(folder: Path, labels: dict[str, dict[str, dict[str, str]]]) -> TableUseCase:
    """A table with a category, an answer, a small number and a column that is excluded."""
    random = np.random.default_rng(3)
    yes = random.random(400) < 0.4
    table = pl.DataFrame(
        {
            "contact": [["cellular", "Telephone"][place % 2] for place in range(400)],
            "member": [place % 3 > 0 for place in range(400)],
            "rank": [place % 4 for place in range(400)],
            "secret": [["a", "b"][place % 2] for place in range(400)],
            "y": ["yes" if one else "no" for one in yes],
        }
    )
    file = table_case(folder, table, exclude=["secret"]).file
    lines = [
        f'[labels.{column}]\n{value} = {{ fr = "{words["fr"]}", en = "{words["en"]}" }}'
        for column, values in labels.items()
        for value, words in values.items()
    ]
    file.write_text(file.read_text() + "\n" + "\n".join(dict.fromkeys("\n".join(lines).split("\n"))), encoding="utf-8")
    use_case = load_use_case(file)
    assert isinstance(use_case, TableUseCase)
    return use_case


def test_a_label_is_found_by_any_spelling_of_its_value(tmp_path: Path) -> None:
    """A level, an answer and a small number, each as an answer has it."""
    use_case = labelled(
        tmp_path,
        {
            "contact": {"CELLULAR": text("mobile"), "telephone": text("line")},
            "member": {"Yes": text("member")},
            "rank": {"2": text("second")},
        },
    )
    table = learning_table(use_case)

    labels = value_labels(use_case, table.features)

    assert labels["en"] == {
        "contact": {"cellular": "mobile (en)", "Telephone": "line (en)"},
        "member": {"true": "member (en)"},
        "rank": {"2": "second (en)"},
    }
    assert labels["fr"]["contact"]["cellular"] == "mobile (fr)"
    assert not [finding for finding in table.findings if finding.rule == "label_without_value"]


def test_labels_that_nothing_shows_are_a_finding_that_stops_nothing(tmp_path: Path) -> None:
    """Of a value that the table does not have, and of a column that is no feature."""
    use_case = labelled(tmp_path, {"contact": {"cellular": text("m"), "pigeon": text("p")}, "secret": {"a": text("a")}})

    found = [finding for finding in learning_table(use_case).findings if finding.rule == "label_without_value"]

    assert [(finding.feature, finding.severity) for finding in found] == [("contact", "warn"), ("secret", "warn")]
    assert found[0].detail == "1 of 2 labels are of no value that the model knows by itself: pigeon"
    assert found[0].figures == {"idle": 1, "labels": 2, "shown": "pigeon"}


def test_labels_of_a_column_that_is_not_there_are_refused(tmp_path: Path) -> None:
    """Every such column is named, beside whatever else names none."""
    use_case = labelled(tmp_path, {"kontakt": {"cellular": text("m")}, "vip": {"a": text("a")}})

    with pytest.raises(UseCaseError) as failure:
        learning_table(use_case)

    assert [rule.partition(":")[0] for rule in failure.value.broken] == ["labels.kontakt", "labels.vip"]


def test_the_levels_that_a_log_counts_have_labels_too(tmp_path: Path) -> None:
    """By the level's slug, for every feature that counts it."""
    log = purchases(customers=150)
    channels = pl.Series("channel", [["Web Shop", "store"][place % 2] for place in range(len(log))])
    log_case(tmp_path, log.with_columns(channels), events={"properties": ["channel"]})
    file = tmp_path / "case.toml"
    labels = '\n[labels.channel]\n"Web Shop" = { fr = "boutique en ligne", en = "online shop" }\n'
    file.write_text(file.read_text() + labels, encoding="utf-8")
    use_case = load_use_case(file)
    table = learning_table(use_case)

    found = value_labels(use_case, table.features)

    assert found["en"] == {"purchases_channel_web_shop_100d": {"web_shop": "online shop"}}
    assert not [finding for finding in table.findings if finding.rule == "label_without_value"]
