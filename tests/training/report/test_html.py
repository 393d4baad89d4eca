"""The report: all in one small file, in two languages, and nobody shown in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from features.spec.feature import MISSING
from features.spec.languages import LANGUAGES, Language
from scoring.bundle.bundle import load_bundle
from scoring.text.findings import finding_text
from tests.support.worlds import log_case
from training.data.split import clusters_of
from training.diagnostics.groups import LEAST, MOST, OTHERS, by_group, declared, grouped, merged
from training.registry.mlflow_registry import Registry
from training.report.dependence_plot import BINS, binned
from training.report.texts import WORDS
from training.report.texts_campaigns import CAMPAIGNS
from training.report.texts_checks import CHECKS

Lines = dict[str, dict[str, Any]]
LARGEST = 1_000_000  # bytes

# MLflow's own client warns of the libraries it stands on
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


@pytest.mark.parametrize("name", ["visits", "shop"])
def test_the_report_needs_nothing_else(trained: Lines, home: Path, name: str) -> None:
    """One file under a megabyte, whose only links and images lie in itself."""
    page = (home / trained[name]["report"]).read_text()

    assert len(page.encode()) < LARGEST
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "<script" not in page


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_is_checked_stands_in_both_languages(trained: Lines, home: Path, language: Language) -> None:
    """Calibration, groups, the season and scikit-learn's forest are told in each language."""
    page = (home / trained["shop"]["report"]).read_text()
    section = page[page.index(f'<section id="{language}"') :].split("</section>")[0]

    for word in ("calibration", "groups", "no_groups", "season", "reference_forest", "uncalibrated"):
        assert CHECKS[language][word].replace("'", "&#39;") in section


def test_findings_are_told_in_each_language(trained: Lines, home: Path) -> None:
    """In the French half by their figures, in the console's words; nothing English is left there."""
    release = home / trained["shop"]["release"]
    found = load_bundle(release).manifest.findings
    page = (release / "report.html").read_text()
    english, french = (
        page[page.index(f"<h2>{WORDS[language]['findings']}</h2>") :].split("<h2>")[1] for language in LANGUAGES
    )

    assert found
    for finding in found:
        told = finding_text(finding, "fr")
        assert str(escape(told.detail)) in french
        assert told.rule.replace("'", "&#39;") in french
        assert str(escape(finding.detail)) in english
        assert str(escape(finding.detail)) not in french


@pytest.mark.parametrize("name", ["visits", "shop"])
def test_nothing_english_is_left_in_the_french_half(trained: Lines, home: Path, name: str) -> None:
    """Decision, verdict on the baseline and notes on the data are told by their figures; French signs stay French."""
    page = (home / trained[name]["report"]).read_text()
    english, french = (page[page.index(f'<section id="{language}"') :].split("</section>")[0] for language in LANGUAGES)

    assert 'lang="en"' not in french
    for told in (trained[name]["reason"], trained[name]["verdict"]):
        assert str(escape(told)) in english
        assert str(escape(told)) not in french
    assert "Premier modèle\u00a0: ROC-AUC de 0," in french
    assert ("Lignes qui en répètent une autre\u00a0: 1." in french) == (name == "visits")
    assert not re.search(r"[ \u00a0\u202f][:;?!]", re.sub(r"<[^>]*>", "", english))
    plain = re.sub(r"<[^>]*>", "", re.sub(r"<code.*?</code>", "", french))
    assert not re.search(r"\d\.\d|\d%|rfm_logit|log_loss|days_since", plain)
    for part in ("Un score élevé la dit probable\u00a0: ", "Population éligible\u00a0: ", "arrêt de l&#39;ajustement"):
        assert part in french


def test_both_languages_say_the_same_things() -> None:
    """No word of the report is in one language only, and none is told twice."""
    for words in (WORDS, CHECKS, CAMPAIGNS):
        assert words["en"].keys() == words["fr"].keys()
        for key, text in words["en"].items():
            assert text.count("{}") == words["fr"][key].count("{}"), key
    assert not WORDS["en"].keys() & CHECKS["en"].keys()


def test_pictures_and_answers_are_kept_with_the_run(trained: Lines, registry: Registry) -> None:
    """MLflow holds the dependence of the strongest features and the answer about the season."""
    import mlflow

    champion = registry.champion("shop")
    assert champion is not None

    kept = {artifact.path for artifact in mlflow.MlflowClient().list_artifacts(str(champion.run))}

    assert {"dependence.svg", "season.json", "criteria.json"} <= kept


@given(st.dictionaries(st.sampled_from("abcdefghijklmnop"), st.integers(1, 200), min_size=1))
def test_no_small_group_can_be_told_from_the_rest(sizes: dict[str, int]) -> None:
    """Every group told has at least fifty rows, and so has what is left, unless all rows together are fewer."""
    column = pl.Series("group", [name for name, count in sizes.items() for _ in range(count)])

    counts = dict(merged(column).value_counts().iter_rows())

    assert sum(counts.values()) == sum(sizes.values())
    assert len(counts) <= MOST + 1
    if sum(sizes.values()) >= LEAST:
        assert min(counts.values()) >= LEAST


def test_numbers_are_told_by_quarter_and_gaps_by_themselves() -> None:
    """A number of many values has four groups of like size; few values are their own groups."""
    many = grouped(pl.Series("size", [None, *range(400)]))
    few = grouped(pl.Series("size", [0, 1, 1, None]))

    assert sorted(count for _, count in many.value_counts().iter_rows()) == [1, 100, 100, 100, 100]
    assert many[0] == MISSING
    assert few.to_list() == ["0", "1", "1", MISSING]


def test_a_declared_group_has_its_rates(tmp_path: Path) -> None:
    """Each group's rows, realised rate and calibration error are those of its rows; what may not be named is not."""
    from features.build.log_table import learning_table

    case = _with_profiles(tmp_path)
    table = learning_table(case)
    rows = table.rows
    label = rows["__label"].cast(pl.Float64).to_numpy()

    (told,) = by_group(case, table.features, rows, label, np.full(len(label), label.mean()), clusters_of(rows), seed=1)

    assert told["feature"].name == "sector"
    for one in told["groups"]:
        mine = label[(rows["sector"] == one["group"]).to_numpy()]
        assert one["rows"] == len(mine) >= LEAST
        assert one["realised"] == pytest.approx(mine.mean())
        assert one["low"] <= one["realised"] <= one["high"]
        assert one["ece"] == pytest.approx(abs(mine.mean() - label.mean()))
    assert OTHERS not in {one["group"] for one in told["groups"]}
    assert {feature.name for feature in declared(case, table.features)} == {"sector"}


def _with_profiles(folder: Path) -> Any:
    random, customers = np.random.default_rng(3), 300
    who = np.repeat(np.arange(customers), 8)
    days = random.integers(0, 240, len(who))
    log = pl.DataFrame({"customer_id": who, "ts": pl.Series(days).cast(pl.Duration("ms"))})
    log = log.with_columns(ts=pl.lit(np.datetime64("2024-01-01")) + pl.duration(days=pl.lit(pl.Series(days))))
    pl.DataFrame(
        {"customer_id": range(customers), "sector": ["food", "steel"] * 150, "barred": ["x", "y", "z"] * 100}
    ).write_parquet(folder / "profiles.parquet")
    profiles = {
        "path": "profiles.parquet",
        "customer_id": "customer_id",
        "groups": {"sector": "firmographic", "barred": "x"},
    }
    return log_case(folder, log, profiles=profiles, reasons={"forbid": ["barred"]})


def test_bins_keep_what_a_feature_does() -> None:
    """Where a contribution rises with its feature so do the bins, and none of them parts equal values."""
    random = np.random.default_rng(0)
    values = random.integers(0, 50, 3000).astype(float)

    x, (low, middle, high) = binned(values, values * 0.1 + random.normal(0, 0.01, 3000))

    assert len(x) <= BINS
    assert (np.diff(x) > 0).all()
    assert (np.diff(middle) > 0).all()
    assert (low <= middle).all()
    assert (middle <= high).all()
