"""The use-case file says everything once, and everything that is wrong with it at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.config.use_case import LogUseCase, load_use_case
from features.errors import UseCaseError
from features.tables.digests import config_digest, features_digest
from scoring.models.threshold_planner import Ask
from tests.support.worlds import EXAMPLES

LOG = """
name = "n"
polarity = "positive"
[events]
path = "a.parquet"
customer_id = "id"
timestamp = "ts"
type = "purchase"
[window]
prediction = "30d"
[label]
event = "purchase"
outcome = "present"
"""

TABLE = """
name = "n"
polarity = "positive"
[table]
path = "a.parquet"
label = "y"
positive = 1
"""


def written(folder: Path, text: str) -> Path:
    """The text as a file."""
    path = folder / "case.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "path", sorted(path for path in EXAMPLES.glob("*/*.toml") if path.stem != "segments"), ids=lambda path: path.stem
)
def test_every_example_is_a_use_case(path: Path) -> None:
    """The example files hold, and their paths are read from where they stand."""
    use_case = load_use_case(path)

    source = use_case.events if isinstance(use_case, LogUseCase) else use_case.table

    assert source.path.is_absolute()
    assert source.path.is_relative_to(path.parent.resolve())


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ('effect = "price"', {"human_decision"}),
        ('effect = "benefit"\nhuman_decision = "  "', {"human_decision"}),
        ('effect = "credit"\nhuman_decision = ""', {"effect", "human_decision"}),
        ('effect = "price"\nseed = -1', {"human_decision", "seed"}),
    ],
    ids=["unstated", "blank", "both keys", "and another"],
)
def test_who_decides_must_be_stated(tmp_path: Path, stated: str, named: set[str]) -> None:
    """Of a benefit or a price; credit and the like are none of the effects. All broken keys are named at once."""
    with pytest.raises(UseCaseError) as failure:
        load_use_case(written(tmp_path, stated + LOG))

    assert {rule.partition(":")[0] for rule in failure.value.broken} == named
    assert len(failure.value.broken) == len(named)


def test_an_effect_is_marketing_unless_stated(tmp_path: Path) -> None:
    """With who decides a price may be asked of; a file of marketing is what it was before there were effects."""
    price = load_use_case(
        written(tmp_path, 'effect = "price"\nhuman_decision = "The pricing team, case by case"' + LOG)
    )
    said, silent = (load_use_case(written(tmp_path, text + LOG)) for text in ('effect = "marketing"', ""))

    assert (price.effect, price.human_decision) == ("price", "The pricing team, case by case")
    assert (silent.effect, silent.human_decision) == ("marketing", None)
    assert config_digest(said) == config_digest(silent) != config_digest(price)


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    """Seed 0, a year of observation, no gap, three training cutoffs, nothing excluded, percentiles 60 and 90."""
    use_case = load_use_case(written(tmp_path, LOG))

    assert isinstance(use_case, LogUseCase)
    assert (use_case.seed, use_case.window.observation, use_case.window.gap, use_case.window.train_cutoffs) == (
        0,
        365,
        0,
        3,
    )
    assert use_case.bands.steps == (60.0, 90.0)
    assert use_case.quality.bad_rows == 0.05


def test_every_broken_key_is_told_at_once(tmp_path: Path) -> None:
    """One reading names each broken key, its rule, and what arrived."""
    text = LOG.replace('"positive"', '"good"').replace('"30d"', '"a month"').replace('"present"', '"maybe"')

    with pytest.raises(UseCaseError) as failure:
        load_use_case(written(tmp_path, text + "\n[quality]\nbad_rows = 2\n[surprise]\nx = 1\n"))

    told = "\n".join(failure.value.broken)
    for part in (
        "polarity",
        "window.prediction",
        "whole days",
        "'a month'",
        "label.outcome",
        "quality.bad_rows",
        "surprise",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (("[window]", "[table]\npath='t'\nlabel='y'\npositive=1\n[window]"), "exactly one"),
        (("[label]", "[labels]"), "[label] is required"),
        (('event = "purchase"', 'event = "visit"'), "only event type"),
        (('"n"', '"no/slash"'), "name"),
        (("[label]", "[bands]\ncodes=['a','b']\nscores=[40,70]\n[label]"), "2 codes need 1 thresholds"),
        (("[label]", "[bands]\npercentiles=[90,60]\n[label]"), "rise strictly"),
        (("[label]", "[bands]\npercentiles=[60,90]\nscores=[40,70]\n[label]"), "only one"),
        (("[label]", "[bands]\nlabels={fr=['a']}\n[label]"), "needs 3 labels"),
        (("[label]", "[bands]\ncodes=['a','b']\n[bands.plan]\ncost=1\n[label]"), "cost and value"),
        (('timestamp = "ts"', 'timestamp = "ts"\nproperties=["a","a"]'), "twice"),
        (('timestamp = "ts"', 'timestamp = "ts"\ntimestamp_format="%d/%m"'), "must name year, month and day"),
        (('timestamp = "ts"', 'timestamp = "ts"\ntimestamp_format="%d/%m/%Y %Q"'), "must name year, month and day"),
    ],
    ids=[
        "both sources",
        "no label",
        "another event",
        "name",
        "codes",
        "order",
        "two ladders",
        "labels",
        "plan",
        "twice",
        "no year",
        "no such part",
    ],
)
def test_sections_that_do_not_fit_are_refused(tmp_path: Path, change: tuple[str, str], part: str) -> None:
    """What cannot go together is said in words."""
    with pytest.raises(UseCaseError, match=r"case.toml") as failure:
        load_use_case(written(tmp_path, LOG.replace(*change, 1)))

    assert part in str(failure.value)


def test_bands_are_planned_in_the_planners_words(tmp_path: Path) -> None:
    """Each word of a plan is one that the planner takes, the share of outcomes that a contact wins among them."""
    text = LOG.replace("[label]", "[bands]\nplan = { cost = 1.5, value = 30, save_rate = 0.2 }\n[label]", 1)

    bands = load_use_case(written(tmp_path, text)).bands

    assert bands.plan is not None
    assert Ask(**bands.plan.model_dump()).words() == {"cost": 1.5, "value": 30, "save_rate": 0.2}


def test_a_table_takes_no_window(tmp_path: Path) -> None:
    """Sections of a log are refused beside a ready table."""
    text = "name='n'\npolarity='positive'\n[table]\npath='t'\nlabel='y'\npositive=true\n[window]\nprediction='30d'\n"

    with pytest.raises(UseCaseError, match=r"\[window\] does not go with \[table\]"):
        load_use_case(written(tmp_path, text))


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("1998-04-02", datetime(1998, 4, 2, tzinfo=UTC)),
        ('"1998-04-02"', datetime(1998, 4, 2, tzinfo=UTC)),
        ("1998-04-02T02:00:00+02:00", datetime(1998, 4, 2, tzinfo=UTC)),
        ("1998-04-02T00:00:00", datetime(1998, 4, 2, tzinfo=UTC)),
    ],
)
def test_a_cutoff_is_a_moment_in_utc(tmp_path: Path, given: str, moment: datetime) -> None:
    """Dates are midnights, zones are turned into UTC, no zone is UTC."""
    use_case = load_use_case(written(tmp_path, LOG.replace("[window]", f"[window]\ntest_cutoff = {given}")))

    assert isinstance(use_case, LogUseCase)
    assert use_case.window.test_cutoff == moment


@pytest.mark.parametrize("text", ["", "name = ", "\x00"], ids=["empty", "cut short", "not text"])
def test_what_is_no_use_case_says_so(tmp_path: Path, text: str) -> None:
    """A file that is no TOML, or says nothing, is refused by name."""
    with pytest.raises(UseCaseError, match=r"case.toml"):
        load_use_case(written(tmp_path, text))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    """A missing file is a use-case error."""
    with pytest.raises(UseCaseError, match=r"cannot be read"):
        load_use_case(tmp_path / "nowhere.toml")


def test_next_steps_are_of_bands(tmp_path: Path) -> None:
    """In both languages; of a band that there is. Without any the digest is what it was."""
    plain = load_use_case(written(tmp_path, LOG))
    said = load_use_case(written(tmp_path, LOG + '\n[actions]\nhigh = { fr = "Appeler", en = "Call" }\n'))
    with pytest.raises(UseCaseError) as failure:
        load_use_case(written(tmp_path, LOG + '\n[actions]\ntop = { fr = "Appeler", en = "Call" }\n'))

    assert said.actions["high"].model_dump() == {"fr": "Appeler", "en": "Call"}
    assert config_digest(said) != config_digest(plain)
    assert "actions are of bands (low, medium, high), got top" in "\n".join(failure.value.broken)


@pytest.mark.parametrize(
    ("sections", "broken"),
    [
        ('[families]\nmoney = ["balance"]\n', "families.money: "),
        ('[families]\nmoney = ["balance", "balance"]\n', "must not name a column twice: 'balance'"),
        ('[families]\n"The money" = ["balance", "loan"]\n', "families.The money"),
        ('[families]\na = ["balance", "loan"]\nb = ["loan", "housing"]\n', "got 'loan' in several"),
        ('[families]\na = ["balance", "y"]\n', "families are of features, got 'y', which are none"),
        ('[families]\na = "balance"\n', "families.a: "),
    ],
)
def test_families_are_of_two_features_or_more_each_in_one(tmp_path: Path, sections: str, broken: str) -> None:
    """Whatever else is named there is refused, and says what arrived."""
    with pytest.raises(UseCaseError) as failure:
        load_use_case(written(tmp_path, TABLE + sections))

    assert broken in "\n".join(failure.value.broken)


def test_families_make_another_model_and_no_other_features(tmp_path: Path) -> None:
    """So a training is done anew; without any the digest is what it was before there were families."""
    plain = load_use_case(written(tmp_path, LOG))
    grouped = load_use_case(written(tmp_path, LOG + '\n[families]\nmoney = ["monetary_7d", "monetary_30d"]\n'))

    assert isinstance(plain, LogUseCase)
    assert isinstance(grouped, LogUseCase)
    assert grouped.families == {"money": ("monetary_7d", "monetary_30d")}
    assert config_digest(grouped) != config_digest(plain)
    assert features_digest(grouped) == features_digest(plain)


TEXTS = """title = { fr = "Départs", en = "Leaving customers" }
outcome = { fr = " n'achète plus ", en = "stops buying" }
"""
LABELS = '\n[labels.contact]\ncellular = { fr = "téléphone mobile", en = "mobile phone" }\n'


def test_texts_are_given_in_both_languages(tmp_path: Path) -> None:
    """A title, an outcome and labels of values; without any the digest is what it was."""
    plain = load_use_case(written(tmp_path, LOG))
    said = load_use_case(written(tmp_path, TEXTS + LOG + LABELS))

    assert said.title is not None
    assert said.title.model_dump() == {"fr": "Départs", "en": "Leaving customers"}
    assert said.outcome is not None
    assert said.outcome.fr == "n'achète plus"
    assert said.labels["contact"]["cellular"].en == "mobile phone"
    assert len({config_digest(plain), config_digest(said)}) == 2
    assert plain.title is plain.outcome is None
    assert not plain.labels


def test_every_text_that_breaks_a_rule_is_named_at_once(tmp_path: Path) -> None:
    """One that lacks a language, one that is blank, one of a language there is not."""
    broken = """title = { fr = "Départs" }
outcome = { fr = "n'achète plus", en = " " }
"""
    labels = '\n[labels.contact]\ncellular = { fr = "mobile", en = "mobile", de = "mobil" }\n'

    with pytest.raises(UseCaseError) as failure:
        load_use_case(written(tmp_path, broken + LOG + labels))

    said = "\n".join(failure.value.broken)
    assert "title.en: is required" in said
    assert "outcome.en: " in said
    assert "labels.contact.cellular.de: unknown key" in said
