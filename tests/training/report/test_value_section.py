"""What the report says of values: the test, the candidates, the bands, and every note in words."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from features.spec.languages import LANGUAGES, Language
from scoring.answers.served_release import Live
from scoring.bundle.manifest import Manifest
from scoring.releases.store import load_release
from scoring.text.formatting import figure, iso_date, percent, tiny
from tests.conftest import ROOT
from tests.support.models import release_shop
from tests.support.value import with_value
from training.report.html import WORDS

NOTES = (
    "spend_depends_on_frequency",
    "no_repeat_purchases",
    "stretched",
    "stretched_at_one_pace",
    "total_off",
    "no_young_tested",
)
SECTION = '{% import "value.html" as value with context %}{{ value.bring(w, language) }}'


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Of a release with a value, with every note there is."""
    home = tmp_path_factory.mktemp("home")
    release_shop(home, "churn", scratch=tmp_path_factory.mktemp("bundles"), polarity="negative", seed=1)
    found = with_value(Live(load_release(home, "churn"))).release.bundle.manifest
    assert found.value
    return msgspec.structs.replace(found, value=msgspec.structs.replace(found.value, notes=NOTES))


def section(manifest: Manifest, language: Language) -> str:
    """The section in one language."""
    templates = FileSystemLoader(ROOT / Path("training/report/templates"))
    environment = Environment(loader=templates, autoescape=True, undefined=StrictUndefined)
    names = {"number": figure, "percent": percent, "tiny": tiny, "day": iso_date, "words": WORDS}
    facts = {"manifest": manifest, "w": WORDS[language], "language": language}
    return environment.from_string(SECTION).render({**names, **facts})


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_test_of_a_value_stands_in_the_report(manifest: Manifest, language: Language) -> None:
    """Profit is named where a margin is stated, the total's ratio with three decimals, each band with its interval."""
    shown = section(manifest, language)

    assert WORDS[language]["value_profit"] in shown
    assert WORDS[language]["value_revenue"] not in shown
    assert figure(9100 / 9000, language, decimals=3) in shown
    assert shown.count("<tr>") == 2 + 1 + 3
    assert shown.count(percent(1.2, language)) == 3
    assert all(WORDS[language][f"value_note_{note}"].split(":")[0][:20].split("'")[0] in shown for note in NOTES)


def test_without_a_value_there_is_no_section(manifest: Manifest) -> None:
    """As the report was before there were any."""
    assert not section(msgspec.structs.replace(manifest, value=msgspec.UNSET), "en").strip()
